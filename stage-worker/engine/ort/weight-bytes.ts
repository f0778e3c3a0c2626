import { headUsesEmbedding } from "../../../model/store/head-weights.js";
import type { RunnerOptions } from "../stage-runner.js";

/** Bytes of the blobs that a stage reads: its layers', the embedding's where it starts or a tied head ends. */
export function stageWeightBytes({
  manifest,
  firstLayer,
  endLayer,
  embedding,
  head,
}: Pick<RunnerOptions, "manifest" | "firstLayer" | "endLayer" | "embedding" | "head">): number {
  const needed = manifest.blobs.filter(({ role, layer }) => {
    if (role === "layer") return layer !== undefined && layer >= firstLayer && layer < endLayer;
    if (role === "embed") return embedding || (head && headUsesEmbedding(manifest));
    return head;
  });
  return needed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}
