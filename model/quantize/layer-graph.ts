import type { ModelConfig } from "../config.js";
import { GraphBuilder } from "../graph/graph-builder.js";
import { hadamardTransform } from "../graph/hadamard.js";
import { downHadamard, type FoldedLayer } from "./fold-layer.js";

export type LayerProduct = keyof FoldedLayer;
export const layerProducts: readonly LayerProduct[] = ["qkv", "o", "gate_up", "down"];

export interface LayerGraphOptions {
  /** Activations are rounded to 8 bits a row before each product, as the engine does it. */
  readonly rounded: boolean;
  /** The inputs of each product come out as Gram matrices: `gram.qkv` … `[K, K]`. */
  readonly grams: boolean;
}

/**
 * One folded layer over whole sequences, f32, as an ONNX model; its weights are inputs, so that one session does for
 * all layers. B: sequences, S: tokens of each; all rows are `[B * S, …]`.
 *
 * Inputs: `hidden [B * S, hiddenSize]`; `sequences` i64 `[3]`: B, S, -1; `positions` i64 `[B, S]`; `cos`, `sin`
 * `[S, ropeDimension / 2]`; `last` i32 `[B]`: S - 1; `total` i32 `[]`: S; with Gram matrices
 * `weights` `[B * S, 1]`, by which rows count; a product's weights by its name, and `qkv.bias`. Output: `next`.
 */
export function layerGraph(config: ModelConfig, options: LayerGraphOptions): Uint8Array {
  const { hiddenSize, headCount, kvHeadCount, headSize, feedForwardSize } = config;
  const graph = new GraphBuilder();
  const outputSizes = {
    qkv: (headCount + 2 * kvHeadCount) * headSize,
    o: hiddenSize,
    gate_up: 2 * feedForwardSize,
    down: hiddenSize,
  };
  const product = (name: LayerProduct, x: string, inputSize: number): string => {
    if (options.grams && (name === "qkv" || name === "gate_up")) gram(graph, name, x, inputSize);
    const weight = graph.input(name, "f32", [inputSize, outputSizes[name]]);
    return graph.op("MatMul", [options.rounded ? roundedRows(graph, x) : x, weight]);
  };
  const hidden = graph.input("hidden", "f32", ["T", hiddenSize]);
  const qkv = product("qkv", normed(graph, config, hidden), hiddenSize);
  const heads = attention(graph, config, biased(graph, config, qkv, outputSizes.qkv));
  const middle = graph.op("Add", [hidden, product("o", heads, headCount * headSize)]);
  if (options.grams) gram(graph, "o", heads, headCount * headSize, middle);
  const both = product("gate_up", normed(graph, config, middle), hiddenSize);
  const sizes = graph.integers(feedForwardSize, feedForwardSize);
  const [gate, up] = graph.ops("Split", 2, [both, sizes], { axis: 1 }) as [string, string];
  const activated = graph.op("Mul", [graph.fused("QuickGelu", [gate], { alpha: { float: 1 } }), up]);
  const mixed = hadamard(graph, activated, feedForwardSize);
  const next = graph.op("Add", [middle, product("down", mixed, feedForwardSize)]);
  if (options.grams) gram(graph, "down", mixed, feedForwardSize, next);
  graph.output("next", next, "f32", ["T", hiddenSize]);
  return graph.model();
}

/** The final norm and the head: `hidden`, `head [hiddenSize, N]` to `logits [T, N]`, or `gram.head`. */
export function headGraph(config: ModelConfig, options: LayerGraphOptions): Uint8Array {
  const { hiddenSize } = config;
  const graph = new GraphBuilder();
  const x = normed(graph, config, graph.input("hidden", "f32", ["T", hiddenSize]));
  if (options.grams) {
    gram(graph, "head", x, hiddenSize);
    return graph.model();
  }
  const head = graph.input("head", "f32", [hiddenSize, "N"]);
  const logits = graph.op("MatMul", [options.rounded ? roundedRows(graph, x) : x, head]);
  graph.output("logits", logits, "f32", ["T", "N"]);
  return graph.model();
}

/** Xᵀ·X of rows that count by their weights. */
function gram(graph: GraphBuilder, name: string, x: string, size: number, stream?: string): void {
  const weights = graph.input("weights", "f32", ["T", 1]);
  const counted = graph.op("Mul", [
    x,
    stream === undefined ? weights : graph.op("Div", [weights, meanSquare(graph, stream)]),
  ]);
  const square = graph.fused("FusedMatMul", [counted, x], { transA: 1 });
  graph.output(`gram.${name}`, square, "f32", [size, size]);
}

function normed(graph: GraphBuilder, { hiddenSize, normEpsilon }: ModelConfig, x: string): string {
  const ones = graph.op("Expand", [graph.scalar(1), graph.integers(hiddenSize)]);
  return graph.op("SimplifiedLayerNormalization", [x, ones], {
    axis: -1,
    stash_type: 1,
    epsilon: { float: normEpsilon },
  });
}

function roundedRows(graph: GraphBuilder, x: string): string {
  const largest = graph.op("ReduceMax", [graph.op("Abs", [x]), graph.integers(1)], { keepdims: 1 });
  const step = graph.op("Mul", [graph.op("Max", [largest, graph.scalar(1e-9)]), graph.scalar(1 / 127)]);
  return graph.op("Mul", [graph.op("Round", [graph.op("Div", [x, step])]), step]);
}

function biased(graph: GraphBuilder, { attentionBias }: ModelConfig, qkv: string, size: number): string {
  return attentionBias ? graph.op("Add", [qkv, graph.input("qkv.bias", "f32", [size])]) : qkv;
}

function attention(graph: GraphBuilder, config: ModelConfig, qkv: string): string {
  const { headCount, kvHeadCount, headSize, ropeDimension, ropeInterleaved } = config;
  const kvSize = kvHeadCount * headSize;
  const parts = graph.ops("Split", 3, [qkv, graph.integers(headCount * headSize, kvSize, kvSize)], {
    axis: 1,
  });
  const shape = graph.input("sequences", "i64", [3]);
  const [q, k, v] = parts.map((part) => graph.op("Reshape", [part, shape])) as [string, string, string];
  const tables = (["cos", "sin"] as const).map((name) => graph.input(name, "f32", ["S", ropeDimension / 2]));
  const positions = graph.input("positions", "i64", ["B", "S"]);
  const rotary = (value: string, heads: number) =>
    graph.fused("RotaryEmbedding", [value, positions, ...tables], {
      interleaved: ropeInterleaved ? 1 : 0,
      num_heads: heads,
      rotary_embedding_dim: ropeDimension === headSize ? 0 : ropeDimension,
    });
  const [heads] = graph.fusedOutputs(
    "GroupQueryAttention",
    [
      rotary(q, headCount),
      rotary(k, kvHeadCount),
      v,
      "",
      "",
      graph.input("last", "i32", ["B"]),
      graph.input("total", "i32", []),
    ],
    ["used", "used", "used"],
    { num_heads: headCount, kv_num_heads: kvHeadCount, do_rotary: 0 },
  ) as [string];
  return graph.op("Reshape", [heads, graph.integers(-1, headCount * headSize)]);
}

function hadamard(graph: GraphBuilder, x: string, size: number): string {
  const run = downHadamard(size);
  const runs = graph.op("Reshape", [x, graph.integers(-1, run)]);
  return graph.op("Reshape", [hadamardTransform(graph, runs, run), graph.integers(-1, size)]);
}

function meanSquare(graph: GraphBuilder, x: string): string {
  return graph.op("ReduceMean", [graph.op("Mul", [x, x]), graph.integers(1)], { keepdims: 1 });
}
