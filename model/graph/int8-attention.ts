import type { ModelConfig } from "../config.js";
import type { AttentionValues } from "./attention.js";
import type { BlobTensors } from "./blob-tensors.js";
import type { GraphBuilder } from "./graph-builder.js";
import { elementTypes } from "./onnx-writer.js";
import { type ProductInput, product } from "./product.js";
import { quantizeRows, quantizeShares } from "./quantize-rows.js";
import { graphInputs, graphOutputs, pastKeysInput, pastValuesInput } from "./stage-graph-io.js";

/** A layer and what the levels of its past mean, see int8PastScales. */
interface LayerPlace {
  readonly layer: number;
  readonly scales: readonly [keys: string, values: string];
}

/**
 * Grouped-query attention over a past of integers: scores and sums over the past are integer products of
 * queries and shares that are rounded row by row; the new tokens are seen as floats. Steps of one token and
 * chunks of a prompt take the same nodes, and what a chunk sees of earlier ones is what is stored, so it makes no
 * difference whether a sequence computed them itself. The query heads of a group are rows of one matrix.
 */
export function int8Attention(
  graph: GraphBuilder,
  blob: BlobTensors,
  input: ProductInput,
  config: ModelConfig,
  place: LayerPlace,
): AttentionValues {
  const qkv = qkvProduct(graph, blob, input);
  return graph.within("attention", () => attend(graph, qkv, config, place));
}

function attend(
  graph: GraphBuilder,
  qkv: string,
  config: ModelConfig,
  { layer, scales }: LayerPlace,
): AttentionValues {
  const { headCount, kvHeadCount, headSize } = config;
  const { queries, keys, values } = rotatedHeads(graph, qkv, config);
  const grouped = graph.op("Reshape", [queries, graph.integers(0, kvHeadCount, -1, headSize)]);
  const split = graph.input(graphInputs.pastSplit, "i64", [2]);
  const [keyScales, valueScales] = scales;

  const pastKeys = graph.input(pastKeysInput(layer), "i8", ["B", kvHeadCount, headSize, "C"]);
  const pastScores = graph.op("Mul", [integerRows(graph, quantizeRows(graph, grouped), pastKeys), keyScales]);
  const newScores = graph.fused("FusedMatMul", [grouped, keys], {
    transB: 1,
    alpha: { float: headSize ** -0.5 },
  });
  const scores = graph.op("Concat", [pastScores, newScores], { axis: -1 });
  const mask = graph.input(graphInputs.mask, "f32", ["B", 1, "group * S", "C + S"]);
  const shares = graph.op("Softmax", [graph.op("Add", [scores, mask])], { axis: -1 });
  const [pastShares, newShares] = graph.ops("Split", 2, [shares, split], { axis: -1 }) as [string, string];

  const pastValues = graph.input(pastValuesInput(layer), "i8", ["B", kvHeadCount, "C", headSize]);
  const weighted = quantizeShares(graph, graph.op("Mul", [pastShares, valueScales]));
  const fromPast = integerRows(graph, weighted, pastValues);
  const heads = graph.op("Add", [fromPast, graph.op("MatMul", [newShares, values])]);
  const perHead = graph.op("Reshape", [heads, graph.integers(0, headCount, -1, headSize)]);
  return {
    heads: graph.op("Reshape", [
      graph.op("Transpose", [perHead], { perm: [0, 2, 1, 3] }),
      graph.integers(-1, headCount * headSize),
    ]),
    keys,
    values,
  };
}

/**
 * The scales of all layers' past come as one input and are parted here: each further input of a run costs more.
 * @returns for keys and values of each layer in turn `[B, kvHeadCount, 1, C]`
 */
export function int8PastScales(
  graph: GraphBuilder,
  { kvHeadCount }: ModelConfig,
  layers: number,
): readonly string[] {
  const scales = graph.input(graphInputs.pastScales, "f32", ["L * 2 * B", kvHeadCount, 1, "C"]);
  return graph.ops("Split", 2 * layers, [scales], { axis: 0, num_outputs: 2 * layers });
}

/** Rounds the new keys and values of all layers, `[B, kvHeadCount, S, headSize]` each, in one go. */
export function int8KvOutputs(
  graph: GraphBuilder,
  newKv: readonly string[],
  { kvHeadCount, headSize }: ModelConfig,
): void {
  const parts = newKv.length * kvHeadCount;
  const { levels, peaks } = quantizeRows(graph, graph.op("Concat", newKv, { axis: 1 }), "i8");
  graph.output(graphOutputs.newKv, levels, "i8", ["B", parts, "S", headSize]);
  graph.output(graphOutputs.newKvPeaks, peaks, "f32", ["B", parts, "S", 1]);
}

function qkvProduct(graph: GraphBuilder, blob: BlobTensors, input: ProductInput): string {
  const fused = blob.findProduct("qkv");
  if (fused) return product(graph, blob, input, fused);
  const parts = ["q", "k", "v"].map((name) => product(graph, blob, input, blob.product(name)));
  return graph.op("Concat", parts, { axis: 1 });
}

/** Queries `[B, headCount, S, headSize]` and keys, rotated, and values `[B, kvHeadCount, S, headSize]`. */
function rotatedHeads(
  graph: GraphBuilder,
  qkv: string,
  { headCount, kvHeadCount, headSize, ropeDimension, ropeInterleaved }: ModelConfig,
) {
  const shape = graph.input(graphInputs.headsShape, "i64", [4]);
  const heads = graph.op("Transpose", [graph.op("Reshape", [qkv, shape])], { perm: [0, 2, 1, 3] });
  const turning = graph.integers(headCount + kvHeadCount, kvHeadCount);
  const [plain, values] = graph.ops("Split", 2, [heads, turning], { axis: 1 }) as [string, string];
  const tableShape = ["P", ropeDimension / 2];
  const partial = ropeDimension !== headSize;
  const rotated = graph.fused(
    "RotaryEmbedding",
    [
      plain,
      graph.input(graphInputs.positions, "i64", ["B", "S"]),
      graph.input(graphInputs.rotaryCos, "f32", tableShape),
      graph.input(graphInputs.rotarySin, "f32", tableShape),
    ],
    {
      interleaved: ropeInterleaved ? 1 : 0,
      num_heads: partial ? headCount + kvHeadCount : 0,
      rotary_embedding_dim: partial ? ropeDimension : 0,
    },
  );
  const kinds = graph.integers(headCount, kvHeadCount);
  const [queries, keys] = graph.ops("Split", 2, [rotated, kinds], { axis: 1 }) as [string, string];
  return { queries, keys, values };
}

/** Integer product of rounded rows, times their peaks. MatMulIntegerToFloat is slower for many small matrices. */
function integerRows(
  graph: GraphBuilder,
  { levels, zero, peaks }: ReturnType<typeof quantizeRows>,
  matrix: string,
): string {
  const sums = graph.op("MatMulInteger", [levels, matrix, zero]);
  return graph.op("Mul", [graph.op("Cast", [sums], { to: elementTypes.f32 }), peaks]);
}
