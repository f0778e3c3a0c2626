import { StagecoachError } from "../../../common/errors.js";
import { formatBytes } from "../../../model/store/format-bytes.js";
import { describeHolders, type GpuMemory } from "../../cuda/gpu-memory.js";
import { stageWeightBytes } from "../ort/weight-bytes.js";
import type { RunnerOptions } from "../stage-runner.js";

const bytesPerValue = 2;

/** What a stage's keys and values take on a GPU. */
export interface KvNeeds {
  /** Of a block in all of the stage's layers; 0 without layers. */
  readonly blockBytes: number;
  /** Blocks of the longest sequence. */
  readonly sequenceBlocks: number;
  /** Blocks of all sequences at their longest: more are of no use. */
  readonly mostBlocks: number;
}

export function kvNeeds({
  manifest,
  firstLayer,
  endLayer,
  blockSize,
  maxSequences,
  maxContext,
}: RunnerOptions): KvNeeds {
  const { kvHeadCount, headSize } = manifest.config;
  const sequenceBlocks = Math.ceil(maxContext / blockSize);
  return {
    blockBytes: 2 * (endLayer - firstLayer) * blockSize * kvHeadCount * headSize * bytesPerValue,
    sequenceBlocks,
    mostBlocks: maxSequences * sequenceBlocks,
  };
}

/**
 * Bytes that weights may take on the GPU when the longest sequence's keys and values have to fit beside them, and, of
 * what is left, a tenth for what computing needs: for choosing the form of weights before anything is opened.
 */
export function weightRoomBytes(options: RunnerOptions): number {
  const { blockBytes, sequenceBlocks } = kvNeeds(options);
  const kvBytes = Math.min(options.kvMemoryBytes ?? Number.POSITIVE_INFINITY, sequenceBlocks * blockBytes);
  return Math.max(0, Math.floor((options.memoryLimitBytes - kvBytes) * 0.9));
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
  const { blockBytes, sequenceBlocks } = kvNeeds(options);
  const range = `layers [${firstLayer}, ${endLayer})`;
  if (kvMemoryBytes !== undefined && kvMemoryBytes < blockBytes) {
    return new StagecoachError(
      "RESOURCE_EXHAUSTED",
      `KV cache may take ${formatBytes(kvMemoryBytes)}, a block of ${blockSize} tokens of ${range} takes ${formatBytes(blockBytes)}, a sequence of ${maxContext} tokens ${formatBytes(sequenceBlocks * blockBytes)}: raise --kv-cache-memory`,
    );
  }
  const { device, workspaceBytes, memory, cause } = misfit;
  const needs = [
    `${formatBytes(stageWeightBytes(options))} of weights`,
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
