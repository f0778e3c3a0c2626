import { headUsesEmbedding } from "./head-weights.js";
import type { Blob, Manifest } from "./manifest.js";

/** A part of a model; see RunnerOptions. */
export interface ModelPart {
  readonly manifest: Manifest;
  readonly firstLayer: number;
  readonly endLayer: number;
  readonly embedding: boolean;
  readonly head: boolean;
}

/** The blobs that a part of a model is computed from, each once. A tied head reads the embedding's, unless it has weights of its own. */
export function stageBlobs({ manifest, firstLayer, endLayer, embedding, head }: ModelPart): Blob[] {
  const wanted = manifest.blobs.filter(({ role, layer = -1 }) => {
    if (role === "layer") return layer >= firstLayer && layer < endLayer;
    if (role === "embed") return embedding || (head && headUsesEmbedding(manifest));
    return head;
  });
  return [...new Map(wanted.map((blob) => [blob.sha256, blob])).values()];
}
