import type { Blob } from "../../../model/store/manifest.js";
import { stageBlobs } from "../../../model/store/stage-blobs.js";
import type { RunnerOptions } from "../stage-runner.js";

/** Bytes of the blobs that a stage reads, or what a device makes of each. */
export function stageWeightBytes(
  options: Pick<RunnerOptions, "manifest" | "firstLayer" | "endLayer" | "embedding" | "head">,
  bytesOf: (blob: Blob) => number = ({ sizeBytes }) => sizeBytes,
): number {
  return stageBlobs(options).reduce((sum, blob) => sum + bytesOf(blob), 0);
}
