import type { Blob, Manifest } from "../../model/store/manifest.js";
import type { HeldWeights } from "../../proto/gen/stagecoach/v1/HeldWeights.js";
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
  return gpuWeightForms(manifest, wanted).map(({ name, bytesOf }) => {
    const bytesWith = (role: Blob["role"]): number[] =>
      manifest.blobs.filter((blob) => blob.role === role).map(bytesOf);
    return {
      name,
      embeddingBytes: bytesWith("embed")[0] ?? 0,
      layerBytes: bytesWith("layer"),
      headBytes: bytesWith("head")[0] ?? 0,
      kvTokens: wantedKvTokens(demand),
    };
  });
}
