import { headUsesEmbedding } from "../../model/store/head-weights.js";
import type { Blob, Manifest } from "../../model/store/manifest.js";
import type { HeldWeights } from "../../proto/gen/stagecoach/v1/HeldWeights.js";
import { lookedUpBytes, multipliedBytes } from "../engine/ort/weight-bytes.js";
import {
  gpuWeightForms,
  type SequenceDemand,
  type WantedGpuWeights,
  wantedKvTokens,
} from "./choose-gpu-weights.js";

/**
 * The forms in which a GPU may hold a model's weights, as the planner is told of them.
 * @throws StagecoachError FAILED_PRECONDITION where there are none
 */
export function heldWeights(
  manifest: Manifest,
  wanted: WantedGpuWeights,
  demand: SequenceDemand,
): HeldWeights[] {
  const kvTokens = wantedKvTokens(demand);
  return gpuWeightForms(manifest, wanted).map(({ name, bytesOf }) => ({
    name,
    ...sizesOf(manifest, bytesOf),
    kvTokens,
  }));
}

/**
 * The form in which a CPU holds a model's weights, where that is not as they are stored: products of f16 as f32. A last
 * stage alone is said to hold a tied table as it is stored too, which it does not.
 */
export function cpuHeldWeights(manifest: Manifest): HeldWeights[] {
  const sizes = sizesOf(manifest, multipliedBytes);
  const table = manifest.blobs.find(({ role }) => role === "embed");
  const stored = sizesOf(manifest, ({ sizeBytes }) => sizeBytes);
  const copyBytes =
    table !== undefined && headUsesEmbedding(manifest) && lookedUpBytes(table) > 0 ? sizes.embeddingBytes : 0;
  if (copyBytes === 0 && sizes.layerBytes.every((bytes, layer) => bytes === stored.layerBytes[layer]))
    return [];
  const headBytes = sizes.headBytes + copyBytes;
  return [{ ...sizes, name: "f32", embeddingBytes: stored.embeddingBytes, headBytes, kvTokens: 0 }];
}

function sizesOf({ blobs }: Manifest, bytesOf: (blob: Blob) => number) {
  const bytesWith = (role: Blob["role"]): number[] => blobs.filter((blob) => blob.role === role).map(bytesOf);
  return {
    embeddingBytes: bytesWith("embed")[0] ?? 0,
    layerBytes: bytesWith("layer"),
    headBytes: bytesWith("head")[0] ?? 0,
  };
}
