import { StagecoachError } from "../../../common/errors.js";
import { kvForm } from "../../../model/graph/kv-form.js";
import type { RunnerOptions } from "../stage-runner.js";
import { tokenBytes } from "./kv-shape.js";

/** Memory of a session beside its weights' own size: repacked weights and activations. */
const weightOverhead = 1.5;

/** Rows are as long as the longest of their group: memory per token that is in use, at worst and seldom. */
const rowOverhead = 2;

/**
 * KV blocks of a stage: what was asked for, or as many as memory holds beside the weights, and never more
 * than all sequences at their longest.
 * @throws StagecoachError RESOURCE_EXHAUSTED when not even one block fits.
 */
export function kvBlockCount(options: RunnerOptions, weightBytes: number): number {
  const { blockSize, blockCount, maxSequences, maxContext, memoryLimitBytes, kvMemoryBytes, manifest } =
    options;
  if (blockCount > 0) return blockCount;
  const most = maxSequences * Math.ceil(maxContext / blockSize);
  const { kvHeadCount, headSize } = manifest.config;
  const layers = options.endLayer - options.firstLayer;
  const shape = { layers, kvHeads: kvHeadCount, headSize, form: kvForm(manifest) };
  const blockBytes = blockSize * tokenBytes(shape);
  if (blockBytes === 0) return most;
  const freeBytes = Math.min(
    kvMemoryBytes ?? Number.POSITIVE_INFINITY,
    memoryLimitBytes - weightBytes * weightOverhead,
  );
  const fitting = Math.floor(freeBytes / (blockBytes * rowOverhead));
  if (fitting >= 1) return Math.min(most, fitting);
  if (kvMemoryBytes !== undefined && kvMemoryBytes < blockBytes * rowOverhead) {
    throw new StagecoachError(
      "RESOURCE_EXHAUSTED",
      `KV cache may take ${kvMemoryBytes} bytes, a block of layers [${options.firstLayer}, ${options.endLayer}) takes ${blockBytes * rowOverhead}: raise --kv-cache-memory`,
    );
  }
  throw new StagecoachError(
    "RESOURCE_EXHAUSTED",
    `layers [${options.firstLayer}, ${options.endLayer}) take ${weightBytes} bytes of weights and ${blockBytes} a KV block, which do not fit the limit of ${memoryLimitBytes} bytes: give this worker fewer layers or more memory`,
  );
}
