import { headUsesEmbedding } from "../../../model/store/head-weights.js";
import type { Blob, Manifest } from "../../../model/store/manifest.js";
import type { Device } from "../device.js";
import type { RunnerOptions } from "../stage-runner.js";

/** What a stage's graph computes with. */
type Floats = "f32" | "f16";

/** The part of a model that a stage holds. */
type HeldPart = Pick<RunnerOptions, "manifest" | "firstLayer" | "endLayer" | "embedding" | "head">;

/**
 * Bytes of the weights that a stage has in memory: those of its layers, of the embedding where it starts, of the head
 * where it ends. A constant of another float than the graph computes with is converted once, when the graph is
 * opened: half the bytes on a CPU become twice as many. Rows of the embedding are read as they are stored.
 */
export function stageWeightBytes(
  { manifest, firstLayer, endLayer, embedding, head }: HeldPart,
  floats: Floats,
): number {
  const sizes = manifest.blobs.map((blob) => {
    if (blob.role === "layer") {
      return blob.layer !== undefined && blob.layer >= firstLayer && blob.layer < endLayer
        ? computedBytes(blob, floats)
        : 0;
    }
    if (blob.role === "head") return head ? computedBytes(blob, floats) : 0;
    return embeddingBytes(blob, { embedding, head: head && headUsesEmbedding(manifest) }, floats);
  });
  return sizes.reduce((sum, each) => sum + each, 0);
}

/** The table's rows are looked up, and a tied head multiplies with it; both use the same bytes where they can. */
function embeddingBytes(blob: Blob, used: { embedding: boolean; head: boolean }, floats: Floats): number {
  const multiplied = computedBytes(blob, floats);
  if (!used.head) return used.embedding ? blob.sizeBytes : 0;
  return used.embedding && multiplied !== blob.sizeBytes ? blob.sizeBytes + multiplied : multiplied;
}

/** A blob whose dense products have the floats that are computed with. */
function computedBytes({ sizeBytes, tensors, products }: Blob, floats: Floats): number {
  const dense = products.flatMap((product) => (product.encoding === "dense" ? [product.weight] : []));
  return tensors
    .filter(({ name, dtype }) => dense.includes(name) && dtype !== floats)
    .reduce((sum, tensor) => sum + (floats === "f32" ? tensor.sizeBytes : -tensor.sizeBytes / 2), sizeBytes);
}

/** What a model's weights take on a device; see HeldWeights in stage.proto. */
export interface HeldWeights {
  readonly layerScale: number;
  readonly firstBytes: number;
  readonly lastBytes: number;
  readonly bothBytes: number;
}

/** For the planner, which knows the blobs only. */
export function heldWeights(manifest: Manifest, device: Device): HeldWeights {
  const floats = device === "cuda" || device === "webgpu" ? "f16" : "f32";
  const none = { manifest, firstLayer: 0, endLayer: 0, embedding: false, head: false };
  const layers = { ...none, endLayer: manifest.config.layerCount };
  const stored = manifest.blobs.reduce(
    (sum, { role, sizeBytes }) => (role === "layer" ? sum + sizeBytes : sum),
    0,
  );
  return {
    layerScale: stored === 0 ? 1 : stageWeightBytes(layers, floats) / stored,
    firstBytes: stageWeightBytes({ ...none, embedding: true }, floats),
    lastBytes: stageWeightBytes({ ...none, head: true }, floats),
    bothBytes: stageWeightBytes({ ...none, embedding: true, head: true }, floats),
  };
}
