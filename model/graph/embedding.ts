import type { PackedProduct } from "../store/manifest.js";
import type { BlobTensors } from "./blob-tensors.js";
import type { GraphBuilder } from "./graph-builder.js";

type BlockedProduct = Extract<PackedProduct, { encoding: "blocked" }>;

/** Rows of the embedding table for `tokens` i32 `[T]`: `[T, hiddenSize]` as the graph computes, exactly what is stored. */
export function embedding(graph: GraphBuilder, blob: BlobTensors, tokens: string): string {
  const table = blob.product("embed");
  if (table.encoding === "dense") return gatherDense(graph, blob, table.weight, tokens);
  if (table.encoding === "w8a8") throw blob.unusable("an embedding of integers for products");
  const rows = gatherBlocks(graph, blob, table, tokens);
  return table.offsets ? addOffsets(graph, rows, blob.floats(table.offsets), tokens, table) : rows;
}

function gatherDense(graph: GraphBuilder, blob: BlobTensors, weight: string, tokens: string): string {
  return blob.converted(graph.op("Gather", [blob.tensor(weight), tokens]), weight);
}

/** Reads the same bytes that a tied head multiplies with, seen as a matrix. */
function gatherBlocks(
  graph: GraphBuilder,
  blob: BlobTensors,
  { inputSize, outputSize, bits, blockSize, quants, scales }: BlockedProduct,
  tokens: string,
): string {
  const levels = blob.tensor(quants, [outputSize, (inputSize * bits) / 8]);
  const steps = blob.floats(scales, [outputSize, inputSize / blockSize]);
  const attributes = { bits, block_size: blockSize, gather_axis: 0, quantize_axis: 1 };
  return graph.fused("GatherBlockQuantized", [levels, tokens, steps], attributes);
}

function addOffsets(
  graph: GraphBuilder,
  rows: string,
  offsets: string,
  tokens: string,
  { inputSize, blockSize }: BlockedProduct,
): string {
  const columns = graph.op("Gather", [offsets, tokens], { axis: 1 });
  const perBlock = graph.op("Unsqueeze", [
    graph.op("Transpose", [columns], { perm: [1, 0] }),
    graph.integers(2),
  ]);
  const blocks = graph.op("Reshape", [rows, graph.integers(-1, inputSize / blockSize, blockSize)]);
  return graph.op("Reshape", [graph.op("Add", [blocks, perBlock]), graph.integers(-1, inputSize)]);
}
