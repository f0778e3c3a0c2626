import { headUsesEmbedding } from "../../../model/store/head-weights.js";
import type { Blob } from "../../../model/store/manifest.js";
import { type ModelPart, stageBlobs } from "../../../model/store/stage-blobs.js";

/** Bytes of the blobs that a stage reads, or what a device makes of each. */
export function stageWeightBytes(
  part: ModelPart,
  bytesOf: (blob: Blob) => number = ({ sizeBytes }) => sizeBytes,
): number {
  return stageBlobs(part).reduce((sum, blob) => sum + bytesOf(blob), 0);
}

/**
 * Bytes of the weights that a stage has in memory on a CPU. A product of f16 is converted to f32 once, when the graph
 * is opened, and takes twice its bytes; rows of the embedding are read as they are stored, beside what a tied head
 * multiplies with.
 */
export function cpuWeightBytes(part: ModelPart): number {
  const tied = part.head && headUsesEmbedding(part.manifest);
  return stageWeightBytes(part, (blob) => {
    if (blob.role !== "embed") return multipliedBytes(blob);
    return tied ? multipliedBytes(blob) + (part.embedding ? lookedUpBytes(blob) : 0) : blob.sizeBytes;
  });
}

/** A blob as a CPU has it to multiply with: its dense products in f32. */
export function multipliedBytes({ sizeBytes, tensors, products }: Blob): number {
  const dense = products.flatMap((product) => (product.encoding === "dense" ? [product.weight] : []));
  return tensors
    .filter(({ name, dtype }) => dense.includes(name) && dtype === "f16")
    .reduce((sum, tensor) => sum + tensor.sizeBytes, sizeBytes);
}

/** What a table takes beside its copy to multiply with: nothing where both are the same. */
export function lookedUpBytes(blob: Blob): number {
  return multipliedBytes(blob) === blob.sizeBytes ? 0 : blob.sizeBytes;
}
