import type { Manifest } from "../../model/store/manifest.js";
import type { Device } from "./device.js";
import type { RunnerOptions } from "./stage-runner.js";
import { cpuPace, gpuPace, mostRounds, type Pace } from "./time-rounds.js";

/** What is timed of a model on one kind of device, and how. */
export interface MeasureSchedule {
  readonly onGpu: boolean;
  readonly pace: Pace;
  /** A stage's weights come from memory; those of fewer bytes would stay in a cache and look faster. */
  readonly leastWeightBytes: number;
  readonly leastLayers: number;
  readonly embeddingTokens: readonly number[];
  /** Tokens of a chunk of one prompt, ascending. */
  readonly prefillTokens: readonly number[];
  /** Sequences that decode at once, ascending. */
  readonly decodeRows: readonly number[];
  /** Tokens that decoding sequences have already: a prompt of usual length and some of its answer. */
  readonly decodeContext: number;
  /** Contexts between which attention's growth is measured, and the rows that have them. */
  readonly attention: { readonly rows: number; readonly contexts: readonly [number, number] };
}

/** What a stage will have to do at most. */
export interface MeasuredNeeds {
  /** Sequences that may decode at once. */
  readonly maxSequences: number;
  /** Tokens of a micro-batch. */
  readonly maxBatchTokens: number;
}

const mebibyte = 1_048_576;

const cpuSchedule: MeasureSchedule = {
  onGpu: false,
  pace: cpuPace,
  leastWeightBytes: 32 * mebibyte,
  leastLayers: 4,
  embeddingTokens: [1, 16, 128],
  prefillTokens: [32, 128],
  decodeRows: [1, 4, 8, 16],
  decodeContext: 160,
  attention: { rows: 8, contexts: [64, 224] },
};

/**
 * A CPU's times grow evenly with the rows, so few are enough. A GPU's stay the same while it waits for its memory and
 * grow once it computes, so they are taken at as many rows and tokens as it will get: nothing is guessed beyond.
 */
export function measureSchedule(
  device: Device,
  { config }: Manifest,
  { maxSequences, maxBatchTokens }: MeasuredNeeds,
): MeasureSchedule {
  if (device === "cpu" || device === "simulated") return cpuSchedule;
  const longest = Math.max(2, Math.min(1024, config.contextLength - mostRounds(gpuPace)));
  const longestChunk = Math.min(maxBatchTokens, config.contextLength);
  return {
    onGpu: true,
    pace: gpuPace,
    leastWeightBytes: (device === "cuda" ? 256 : 96) * mebibyte,
    leastLayers: 4,
    embeddingTokens: upTo([1, 16, 128], longestChunk),
    prefillTokens: upTo([32, 128, 512, 2048, 8192], longestChunk),
    decodeRows: upTo([1, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048], maxSequences),
    decodeContext: Math.min(160, longest),
    attention: {
      rows: Math.min(16, maxSequences),
      contexts: [Math.min(128, Math.floor(longest / 2)), longest],
    },
  };
}

/** Those that are less, and the greatest itself. */
function upTo(values: readonly number[], greatest: number): number[] {
  return [...values.filter((value) => value < greatest), greatest];
}

/** Layers that are measured, and whose blobs have to be here: enough that no cache holds them, four at least. */
export function measuredLayers({ config, blobs }: Manifest, schedule: MeasureSchedule): number {
  const layerBytes = blobs.find(({ role, layer }) => role === "layer" && layer === 0)?.sizeBytes ?? 0;
  const layers = layerBytes > 0 ? Math.ceil(schedule.leastWeightBytes / layerBytes) : schedule.leastLayers;
  return Math.min(Math.max(schedule.leastLayers, layers), config.layerCount);
}

/** Limits of a runner that is measured. */
export type BenchLimits = Pick<
  RunnerOptions,
  "blockSize" | "blockCount" | "maxSequences" | "maxContext" | "laneCount"
>;

/** Room for what is timed, in blocks as the device wants them; 0 takes any. */
export function benchLimits(schedule: MeasureSchedule, wantedBlockSize: number): BenchLimits {
  const { decodeRows, decodeContext, prefillTokens, attention, pace } = schedule;
  const blockSize = wantedBlockSize || 16;
  const rows = Math.max(...decodeRows, attention.rows);
  const contexts = [decodeContext, ...attention.contexts];
  const ends = contexts.map((context) => context + mostRounds(pace));
  const maxContext = Math.max(256, ...ends, ...prefillTokens);
  // Beside what all share, each has the blocks that it writes into.
  const ownBlocks = contexts.map(
    (context, index) => Math.ceil((ends[index] as number) / blockSize) - Math.floor(context / blockSize),
  );
  return {
    blockSize,
    blockCount: rows * Math.max(...ownBlocks) + Math.ceil(maxContext / blockSize),
    // One more, whose beginning they share.
    maxSequences: rows + 1,
    maxContext,
    laneCount: 1,
  };
}
