import { StagecoachError } from "../../../common/errors.js";
import { formatBytes } from "../../../model/store/format-bytes.js";
import type { RunnerOptions } from "../stage-runner.js";

const bytesPerValue = 2;

/**
 * KV blocks of a stage on a GPU: what was asked for, or as many as memory holds beside the weights, and never more
 * than all sequences at their longest.
 * @throws StagecoachError RESOURCE_EXHAUSTED when not even one block fits.
 */
export function pagedBlockCount(options: RunnerOptions, weightBytes: number): number {
  const { blockSize, blockCount, maxSequences, maxContext, memoryLimitBytes, kvMemoryBytes } = options;
  const { firstLayer, endLayer, manifest } = options;
  if (blockCount > 0) return blockCount;
  const most = maxSequences * Math.ceil(maxContext / blockSize);
  const { kvHeadCount, headSize } = manifest.config;
  const blockBytes = 2 * (endLayer - firstLayer) * blockSize * kvHeadCount * headSize * bytesPerValue;
  if (blockBytes === 0) return most;
  const freeBytes = Math.min(kvMemoryBytes ?? Number.POSITIVE_INFINITY, memoryLimitBytes - weightBytes);
  const fitting = Math.floor(freeBytes / blockBytes);
  if (fitting >= 1) return Math.min(most, fitting);
  throw new StagecoachError(
    "RESOURCE_EXHAUSTED",
    `layers [${firstLayer}, ${endLayer}) take ${formatBytes(weightBytes)} of weights and ${formatBytes(blockBytes)} a block of ${blockSize} tokens of KV; of ${formatBytes(memoryLimitBytes)} on the GPU ${formatBytes(Math.max(0, freeBytes))} are left for KV: give this worker fewer layers, or smaller blocks`,
  );
}
