import { StagecoachError } from "../../../common/errors.js";
import { heldBytes } from "../../../model/expand/weight-sizes.js";
import { formatBytes } from "../../../model/store/format-bytes.js";
import { describeHolders, type GpuMemory } from "../../cuda/gpu-memory.js";
import { stageWeightBytes } from "../ort/weight-bytes.js";
import type { RunnerOptions } from "../stage-runner.js";

const bytesPerValue = 2;

/** What a stage takes on a GPU beside what it computes in. */
export interface StageNeeds {
  readonly weightBytes: number;
  /** Of a block in all of the stage's layers; 0 without layers. */
  readonly blockBytes: number;
  /** Blocks of the longest sequence. */
  readonly sequenceBlocks: number;
  /** Blocks of all sequences at their longest: more are of no use. */
  readonly mostBlocks: number;
}

export function stageNeeds(options: RunnerOptions): StageNeeds {
  const { manifest, firstLayer, endLayer, blockSize, maxSequences, maxContext } = options;
  const { kvHeadCount, headSize } = manifest.config;
  const sequenceBlocks = Math.ceil(maxContext / blockSize);
  return {
    weightBytes: stageWeightBytes(options, heldBytes),
    blockBytes: 2 * (endLayer - firstLayer) * blockSize * kvHeadCount * headSize * bytesPerValue,
    sequenceBlocks,
    mostBlocks: maxSequences * sequenceBlocks,
  };
}

/** What is known when a stage does not fit. */
export interface Misfit {
  readonly device: string;
  /** Beside weights, to compute the largest micro-batch; absent before it was measured. */
  readonly workspaceBytes?: number;
  /** Absent where the device tells nobody. */
  readonly memory?: GpuMemory;
  readonly cause?: unknown;
}

/** The error of a stage that its GPU has no room for, with the figures and the way out. */
export function doesNotFit(options: RunnerOptions, misfit: Misfit): StagecoachError {
  const { firstLayer, endLayer, blockSize, maxContext, kvMemoryBytes, memoryLimitBytes } = options;
  const { weightBytes, blockBytes, sequenceBlocks } = stageNeeds(options);
  const range = `layers [${firstLayer}, ${endLayer})`;
  if (kvMemoryBytes !== undefined && kvMemoryBytes < blockBytes) {
    return new StagecoachError(
      "RESOURCE_EXHAUSTED",
      `KV cache may take ${formatBytes(kvMemoryBytes)}, a block of ${blockSize} tokens of ${range} takes ${formatBytes(blockBytes)}, a sequence of ${maxContext} tokens ${formatBytes(sequenceBlocks * blockBytes)}: raise --kv-cache-memory`,
    );
  }
  const { device, workspaceBytes, memory, cause } = misfit;
  const needs = [
    `${formatBytes(weightBytes)} of weights`,
    ...(workspaceBytes === undefined ? [] : [`${formatBytes(workspaceBytes)} to compute in`]),
    `${formatBytes(blockBytes)} of KV a block of ${blockSize} tokens (${formatBytes(sequenceBlocks * blockBytes)} for a sequence of ${maxContext})`,
  ];
  const limit = `${formatBytes(Math.max(0, memoryLimitBytes))} may be used`;
  const ways = [
    "give this worker fewer layers",
    ...(options.maxBatchTokens === undefined ? [] : ["lower --max-batch-tokens or --max-num-seqs"]),
    memory === undefined
      ? "or tell by --memory-limit-bytes how much memory the GPU really has"
      : "or take another GPU",
  ];
  return new StagecoachError(
    "RESOURCE_EXHAUSTED",
    `${range} do not fit ${device}: they take ${needs.join(", ")}; ${limit}${describe(memory)}: ${ways.join(", ")}`,
    { cause },
  );
}

function describe(memory: GpuMemory | undefined): string {
  if (memory === undefined) return ", which is a guess where nothing was said, for WebGPU tells nobody";
  const { freeBytes, totalBytes, others } = memory;
  const holders = others.length > 0 ? `; ${describeHolders(others)}` : "";
  return `, ${formatBytes(freeBytes)} of ${formatBytes(totalBytes)} are free${holders}`;
}
