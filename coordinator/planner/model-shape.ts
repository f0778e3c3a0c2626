import { StagecoachError } from "../../common/errors.js";
import { type ActivationDtype, activationRowBytes } from "../../common/tensor.js";
import { kvForm, kvTokenBytes } from "../../model/graph/kv-form.js";
import { headUsesEmbedding } from "../../model/store/head-weights.js";
import type { Manifest } from "../../model/store/manifest.js";
import type { ModelShape } from "./types.js";

/**
 * What the planner needs of a packed model; sizes are those of its blobs.
 * @throws StagecoachError DATA_LOSS when the manifest lacks a blob.
 */
export function modelShape(manifest: Manifest, activationDtype: ActivationDtype): ModelShape {
  const { config, blobs } = manifest;
  const sizeOf = (role: "embed" | "layer" | "head", layer?: number): number => {
    const blob = blobs.find((each) => each.role === role && each.layer === layer);
    if (blob !== undefined) return blob.sizeBytes;
    const name = layer === undefined ? role : `${role} ${layer}`;
    throw new StagecoachError(
      "DATA_LOSS",
      `the manifest of ${manifest.model} (${manifest.variant}) has no blob for ${name}: pull the model again`,
    );
  };
  return {
    layerCount: config.layerCount,
    hiddenSize: config.hiddenSize,
    hiddenBytes: activationRowBytes(activationDtype, config.hiddenSize),
    kvBytesPerTokenLayer: kvTokenBytes(config, kvForm(manifest)),
    embeddingBytes: sizeOf("embed"),
    layerBytes: Array.from({ length: config.layerCount }, (_, layer) => sizeOf("layer", layer)),
    headBytes: sizeOf("head"),
    tiedEmbedding: headUsesEmbedding(manifest),
  };
}
