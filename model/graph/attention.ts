import type { ModelConfig } from "../config.js";
import type { AttentionForm } from "./attention-form.js";
import type { BlobTensors } from "./blob-tensors.js";
import type { GraphBuilder } from "./graph-builder.js";
import { type ProductInput, product } from "./product.js";
import { graphInputs, graphOutputs, pastKeysInput, pastValuesInput } from "./stage-graph-io.js";

/**
 * Grouped-query attention of a layer over its past, kept as f32, and the new tokens. Decode and prefill runs differ
 * only here, in the branches of an `If`, so that both use one copy of the weights.
 */
export function floatAttention(graph: GraphBuilder, config: ModelConfig): AttentionForm {
  const newKv: string[] = [];
  return {
    heads: (blob, input, layer) => {
      const { heads, keys, values } = layerAttention(graph, blob, input, config, layer);
      newKv.push(keys, values);
      return heads;
    },
    finish: () => {
      if (newKv.length === 0) return;
      const width = newKv.length * config.kvHeadCount * config.headSize;
      graph.within("new KV", () =>
        graph.output(graphOutputs.newKv, graph.op("Concat", newKv, { axis: 1 }), "f32", ["T", width]),
      );
    },
  };
}

/** Keys (rotated) and values are `[T, kvHeadCount * headSize]`. */
function layerAttention(
  graph: GraphBuilder,
  blob: BlobTensors,
  input: ProductInput,
  config: ModelConfig,
  layer: number,
): { heads: string; keys: string; values: string } {
  const { kvHeadCount, headSize } = config;
  const { queries, keys, values } = rotatedHeads(graph, blob, input, config);
  const pastShape = ["B", kvHeadCount, 1, "C", headSize];
  const past: Past = {
    keys: graph.input(pastKeysInput(layer), "f32", pastShape),
    values: graph.input(pastValuesInput(layer), "f32", pastShape),
  };
  const condition = graph.input(graphInputs.decode, "bool", []);
  const heads = graph.within("attention", () =>
    graph.op("If", [condition], {
      then_branch: decodeBranch(graph, config, { queries, keys, values }, past),
      else_branch: prefillBranch(graph, config, { queries, keys, values }, past),
    }),
  );
  return { heads, keys, values };
}

interface Heads {
  readonly queries: string;
  readonly keys: string;
  readonly values: string;
}

interface Past {
  readonly keys: string;
  readonly values: string;
}

function rotatedHeads(
  graph: GraphBuilder,
  blob: BlobTensors,
  input: ProductInput,
  config: ModelConfig,
): Heads {
  const { headCount, kvHeadCount, headSize } = config;
  const [querySize, kvSize] = [headCount * headSize, kvHeadCount * headSize];
  const fused = blob.findProduct("qkv");
  if (!fused) {
    const [q, k, values] = ["q", "k", "v"].map((name) => product(graph, blob, input, blob.product(name))) as [
      string,
      string,
      string,
    ];
    return {
      queries: rotary(graph, config, q, headCount),
      keys: rotary(graph, config, k, kvHeadCount),
      values,
    };
  }
  const qkv = product(graph, blob, input, fused);
  const [qk, values] = graph.ops("Split", 2, [qkv, graph.integers(querySize + kvSize, kvSize)], {
    axis: 1,
  }) as [string, string];
  const rotated = rotary(graph, config, qk, headCount + kvHeadCount);
  const [queries, keys] = graph.ops("Split", 2, [rotated, graph.integers(querySize, kvSize)], {
    axis: 1,
  }) as [string, string];
  return { queries, keys, values };
}

/** Rotates `[T, heads * headSize]` by each token's position. */
function rotary(graph: GraphBuilder, config: ModelConfig, value: string, heads: number): string {
  const { headSize, ropeDimension, ropeInterleaved } = config;
  const tableShape = ["P", ropeDimension / 2];
  const rotated = graph.fused(
    "RotaryEmbedding",
    [
      graph.op("Unsqueeze", [value, graph.integers(0)]),
      graph.input(graphInputs.positions, "i64", [1, "T"]),
      graph.input(graphInputs.rotaryCos, "f32", tableShape),
      graph.input(graphInputs.rotarySin, "f32", tableShape),
    ],
    {
      interleaved: ropeInterleaved ? 1 : 0,
      num_heads: heads,
      rotary_embedding_dim: ropeDimension === headSize ? 0 : ropeDimension,
    },
  );
  return graph.op("Reshape", [rotated, graph.integers(-1, heads * headSize)]);
}

/**
 * B sequences of one token each. The query heads of a group are kept as matrices of one row: ONNX Runtime
 * multiplies those without repacking the keys and values, which is 2.2 times faster than GroupQueryAttention
 * at 16 sequences.
 */
function decodeBranch(
  graph: GraphBuilder,
  config: ModelConfig,
  { queries, keys, values }: Heads,
  past: Past,
) {
  const { headCount, kvHeadCount, headSize } = config;
  const group = headCount / kvHeadCount;
  const branch = graph.branch();
  const rows = branch.integers(-1, kvHeadCount, group, 1, headSize);
  const single = branch.integers(-1, kvHeadCount, 1, 1, headSize);
  const transposed = { transB: 1 };

  const scaled = branch.op("Mul", [queries, branch.scalar(headSize ** -0.5)]);
  const grouped = branch.op("Reshape", [scaled, rows]);
  const pastScores = branch.fused("FusedMatMul", [grouped, past.keys], transposed);
  const newScores = branch.fused("FusedMatMul", [grouped, branch.op("Reshape", [keys, single])], transposed);
  const scores = branch.op("Concat", [pastScores, newScores], { axis: -1 });
  const mask = graph.input(graphInputs.mask, "f32", ["B", 1, 1, 1, "C + 1"]);
  const shares = branch.op("Softmax", [branch.op("Add", [scores, mask])], { axis: -1 });
  const split = graph.input(graphInputs.pastSplit, "i64", [2]);
  const [pastShares, newShares] = branch.ops("Split", 2, [shares, split], { axis: -1 }) as [string, string];
  const fromPast = branch.op("MatMul", [pastShares, past.values]);
  const fromNew = branch.op("Mul", [newShares, branch.op("Reshape", [values, single])]);
  const heads = branch.op("Reshape", [
    branch.op("Add", [fromPast, fromNew]),
    branch.integers(-1, headCount * headSize),
  ]);
  branch.output(graph.branchOutput(), heads, "f32", ["T", headCount * headSize]);
  return branch.graph();
}

/**
 * A chunk of one sequence. GroupQueryAttention appends the new keys and values to a copy of the past inside
 * itself; that copy is not fetched.
 */
function prefillBranch(
  graph: GraphBuilder,
  { headCount, kvHeadCount, headSize }: ModelConfig,
  { queries, keys, values }: Heads,
  past: Past,
) {
  const branch = graph.branch();
  const [q, k, v] = [queries, keys, values].map((value) =>
    branch.op("Unsqueeze", [value, branch.integers(0)]),
  ) as [string, string, string];
  const groupAxis = branch.integers(2);
  const pastKeys = branch.op("Squeeze", [past.keys, groupAxis]);
  const pastValues = branch.op("Squeeze", [past.values, groupAxis]);
  const lastPositions = graph.input(graphInputs.lastPositions, "i32", ["B"]);
  const totalLength = graph.input(graphInputs.totalLength, "i32", []);
  const [heads] = branch.fusedOutputs(
    "GroupQueryAttention",
    [q, k, v, pastKeys, pastValues, lastPositions, totalLength],
    ["used", "used", "used"],
    { num_heads: headCount, kv_num_heads: kvHeadCount, do_rotary: 0 },
  ) as [string];
  branch.output(graph.branchOutput(), branch.op("Squeeze", [heads, branch.integers(0)]), "f32", [
    "T",
    headCount * headSize,
  ]);
  return branch.graph();
}
