import type { ModelConfig } from "../config.js";
import type { GraphBuilder } from "./graph-builder.js";
import { elementTypes } from "./onnx-writer.js";
import { type QuantizedRows, quantizeRows, quantizeShares } from "./quantize-rows.js";
import {
  chunkPastKeysInput,
  chunkPastValuesInput,
  graphInputs,
  pastKeysInput,
  pastValuesInput,
} from "./stage-graph-io.js";

/** Rotated queries `[T, headCount, 1, headSize]`, keys and values `[T, kvHeadCount, 1, headSize]`. */
export interface TokenHeads {
  readonly queries: string;
  readonly keys: string;
  readonly values: string;
}

/** Tokens of which those at `rows`, i64 `[P, S]`, are chunks. */
export interface ChunkHeads {
  readonly tokens: TokenHeads;
  readonly rows: string;
}

type Scales = readonly [keys: string, values: string];

/** Attention of B sequences with one token each: `[B, headCount * headSize]`. */
export function stepHeads(
  graph: GraphBuilder,
  { headCount, kvHeadCount, headSize }: ModelConfig,
  { queries, keys, values }: TokenHeads,
  layer: number,
  scales: Scales,
): string {
  const heads = attend(graph, {
    queries: graph.op("Reshape", [queries, graph.integers(0, kvHeadCount, -1, headSize)]),
    keys,
    values,
    scales,
    pastKeys: graph.input(pastKeysInput(layer), "u8", ["B", kvHeadCount, "C", headSize]),
    pastValues: graph.input(pastValuesInput(layer), "i8", ["B", kvHeadCount, "C", headSize]),
    mask: graph.input(graphInputs.mask, "f32", ["B", 1, 1, "C + 1"]),
    split: graph.input(graphInputs.pastSplit, "i64", [2]),
    headSize,
  });
  return graph.op("Reshape", [heads, graph.integers(-1, headCount * headSize)]);
}

/** Attention of P chunks of S tokens: `[P * S, headCount * headSize]`. */
export function chunkHeads(
  graph: GraphBuilder,
  { headCount, kvHeadCount, headSize }: ModelConfig,
  { tokens, rows }: ChunkHeads,
  layer: number,
  scales: Scales,
): string {
  /** `[P, heads, S, headSize]` */
  const byHead = (value: string, heads: number) => {
    const chunks = graph.op("Gather", [
      graph.op("Reshape", [value, graph.integers(-1, heads, headSize)]),
      rows,
    ]);
    return graph.op("Transpose", [chunks], { perm: [0, 2, 1, 3] });
  };
  const queries = byHead(tokens.queries, headCount);
  const heads = attend(graph, {
    queries: graph.op("Reshape", [queries, graph.integers(0, kvHeadCount, -1, headSize)]),
    keys: byHead(tokens.keys, kvHeadCount),
    values: byHead(tokens.values, kvHeadCount),
    scales,
    pastKeys: graph.input(chunkPastKeysInput(layer), "u8", ["P", kvHeadCount, "D", headSize]),
    pastValues: graph.input(chunkPastValuesInput(layer), "i8", ["P", kvHeadCount, "D", headSize]),
    mask: graph.input(graphInputs.chunkMask, "f32", ["P", 1, "group * S", "D + S"]),
    split: graph.input(graphInputs.chunkPastSplit, "i64", [2]),
    headSize,
  });
  // Heads of a group are rows of one matrix: part them before tokens and heads change places.
  const perHead = graph.op("Reshape", [heads, graph.input(graphInputs.chunkHeadsShape, "i64", [4])]);
  return graph.op("Reshape", [
    graph.op("Transpose", [perHead], { perm: [0, 2, 1, 3] }),
    graph.integers(-1, headCount * headSize),
  ]);
}

interface Attending {
  /** `[B, kvHeadCount, groupSize * S, headSize]` */
  readonly queries: string;
  /** `[B, kvHeadCount, S, headSize]` */
  readonly keys: string;
  readonly values: string;
  readonly pastKeys: string;
  readonly pastValues: string;
  readonly scales: Scales;
  readonly mask: string;
  readonly split: string;
  readonly headSize: number;
}

/**
 * `[B, kvHeadCount, groupSize * S, headSize]`. Scores are products of the stored keys with the queries and not the
 * other way round: so keys lie as they are appended, token by token, and the small side is the one transposed.
 */
function attend(graph: GraphBuilder, input: Attending): string {
  const { queries, keys, values, headSize } = input;
  const [keyScales, valueScales] = input.scales;
  const pastScores = graph.op("Mul", [scoresOf(graph, queries, input.pastKeys), keyScales]);
  const newScores = graph.fused("FusedMatMul", [queries, keys], {
    transB: 1,
    alpha: { float: headSize ** -0.5 },
  });
  const scores = graph.op("Concat", [pastScores, newScores], { axis: -1 });
  const shares = graph.op("Softmax", [graph.op("Add", [scores, input.mask])], { axis: -1 });
  const [pastShares, newShares] = graph.ops("Split", 2, [shares, input.split], { axis: -1 }) as [
    string,
    string,
  ];
  const weighted = quantizeShares(graph, graph.op("Mul", [pastShares, valueScales]));
  const sums = graph.op("MatMulInteger", [weighted.levels, input.pastValues, weighted.zero]);
  const fromPast = timesPeaks(graph, sums, weighted);
  return graph.op("Add", [fromPast, graph.op("MatMul", [newShares, values])]);
}

function scoresOf(graph: GraphBuilder, queries: string, pastKeys: string): string {
  const rounded = quantizeRows(graph, queries, "i8");
  const columns = graph.op("Transpose", [rounded.levels], { perm: [0, 1, 3, 2] });
  const sums = graph.op("MatMulInteger", [pastKeys, columns, graph.byte("u8", 128)]);
  return timesPeaks(graph, graph.op("Transpose", [sums], { perm: [0, 1, 3, 2] }), rounded);
}

/** MatMulIntegerToFloat, which does this itself, is slower for many small matrices. */
function timesPeaks(graph: GraphBuilder, sums: string, { peaks }: QuantizedRows): string {
  return graph.op("Mul", [graph.op("Cast", [sums], { to: elementTypes.f32 }), peaks]);
}
