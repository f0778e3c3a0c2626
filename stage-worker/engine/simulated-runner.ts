import { newActivation } from "../../common/tensor.js";
import { checkInput, tokenCount } from "./check-input.js";
import { computeSpoiling, noRoomFor } from "./compute-in-parts.js";
import { deviceLost } from "./device-failure.js";
import { SequenceLedger } from "./sequence-ledger.js";
import type {
  RaggedBatch,
  RunnerOptions,
  SampledToken,
  SequenceOpening,
  StageInput,
  StageOutput,
  StageRunner,
} from "./stage-runner.js";

/** A time of `alphaMs + betaMs * rows`; nothing at no rows. */
export interface SimulatedTime {
  readonly alphaMs: number;
  readonly betaMs: number;
}

/** How long a simulated machine takes, and when its texts end. */
export interface SimulationOptions {
  /** One layer; rows are slices of one token. */
  readonly layerDecode: SimulatedTime;
  /** One layer; rows are tokens of longer slices. */
  readonly layerPrefill: SimulatedTime;
  /** Rows are tokens. */
  readonly embedding: SimulatedTime;
  /** Rows are sampled sequences. */
  readonly head: SimulatedTime;
  /** Generated tokens after which a sequence samples `endTokenId`. Absent: it never ends by itself. */
  readonly endAtLength?: number;
  /** Defaults to 2. */
  readonly endTokenId?: number;
  /**
   * Memory that a run may take: its tokens times the longest of its sequences. What takes more fails as on a device that
   * is full. Defaults to any.
   */
  readonly mostScores?: number;
  /** The run, counted from 1, at which the device is lost. Defaults to never. */
  readonly lostAtRun?: number;
}

/** A machine that takes no time at all. */
export const instantSimulation: SimulationOptions = {
  layerDecode: { alphaMs: 0, betaMs: 0 },
  layerPrefill: { alphaMs: 0, betaMs: 0 },
  embedding: { alphaMs: 0, betaMs: 0 },
  head: { alphaMs: 0, betaMs: 0 },
};

/** Ids below are left to control tokens, so that no text ends by chance. */
const firstTextToken = 10;

/**
 * A runner without a model: it occupies its thread for the given times, refuses what a real one would, and
 * samples tokens that depend on the sequence's seed and the position alone. Hidden states are zeros.
 * Needs no blobs.
 */
export function createSimulatedRunner(options: RunnerOptions, simulation: SimulationOptions): StageRunner {
  const { manifest, firstLayer, endLayer, embedding, head, activationDtype = "FLOAT32" } = options;
  const { hiddenSize, vocabularySize } = manifest.config;
  const blockCount = options.blockCount || defaultBlockCount(options);
  const ledger = new SequenceLedger({ ...options, blockCount });
  const pause = createPause();
  let runs = 0;

  async function forward(batch: RaggedBatch, input: StageInput): Promise<StageOutput> {
    checkInput(batch, input, { embedding, hiddenSize, vocabularySize, activationDtype });
    ledger.advance(batch);
    return await computeSpoiling(ledger, { batch, input }, async (work) => compute(work.batch));
  }

  function compute(batch: RaggedBatch): StageOutput {
    runs++;
    if (runs === simulation.lostAtRun) throw deviceLost(`the simulated device is lost at run ${runs}`);
    if (scoresOf(batch) > (simulation.mostScores ?? Number.POSITIVE_INFINITY)) {
      throw noRoomFor(batch, "the simulated device");
    }
    const sampled = head ? sampleAll(batch) : [];
    pause(batchTimeMs(batch, { layers: endLayer - firstLayer, embedding, head }, simulation));
    if (head) return { kind: "tokens", tokens: sampled };
    return { kind: "hidden", ...newActivation(activationDtype, tokenCount(batch), hiddenSize) };
  }

  function sampleAll(batch: RaggedBatch): SampledToken[] {
    return batch.sequenceIds.flatMap((sequenceId, index) => {
      const opening = ledger.opening(sequenceId);
      if (!batch.sample[index] || opening === undefined) return [];
      const position = (batch.contextLengths[index] as number) + (batch.lengths[index] as number);
      return [sampleOne(opening, position)];
    });
  }

  function sampleOne(
    { sequenceId, promptLength, sampling }: SequenceOpening,
    position: number,
  ): SampledToken {
    const { endAtLength = Number.POSITIVE_INFINITY, endTokenId = 2 } = simulation;
    const ended = position - promptLength >= endAtLength;
    const tokenId = ended ? endTokenId : simulatedToken(sampling.seed, position, vocabularySize);
    if (!sampling.wantLogprobs) return { sequenceId, tokenId };
    const top = Array.from({ length: sampling.topLogprobs }, (_, rank) => ({
      tokenId: rank === 0 ? tokenId : simulatedToken(sampling.seed + rank, position, vocabularySize),
      logprob: -1 - rank,
    }));
    return { sequenceId, tokenId, logprob: -1, ...(top.length > 0 && { top }) };
  }

  return {
    blockCount,
    weightBytes: 0,
    beginsInsideBlocks: true,
    open: (openings) => ledger.open(openings),
    forward,
    closeSequences: (closings) => ledger.close(closings),
    usage: () => ledger.usage(),
    close: async () => {},
  };
}

/** The token at a position of a sequence with a seed: never an id below 10 where the vocabulary allows. */
export function simulatedToken(seed: number, position: number, vocabularySize: number): number {
  let bits = Math.imul(seed ^ Math.floor(seed / 2 ** 32), 0x9e37_79b1) ^ Math.imul(position + 1, 0x85eb_ca6b);
  bits = Math.imul(bits ^ (bits >>> 15), 0x2c1b_3c6d);
  bits = Math.imul(bits ^ (bits >>> 12), 0x297a_2d39);
  const random = (bits ^ (bits >>> 15)) >>> 0;
  const lowest = vocabularySize > firstTextToken ? firstTextToken : 0;
  return lowest + (random % (vocabularySize - lowest));
}

/** Milliseconds that a batch takes on the simulated machine. */
export function batchTimeMs(
  batch: RaggedBatch,
  stage: { layers: number; embedding: boolean; head: boolean },
  simulation: SimulationOptions,
): number {
  const decodeRows = batch.lengths.filter((length) => length === 1).length;
  const tokens = tokenCount(batch);
  const sampled = batch.sample.filter(Boolean).length;
  return (
    stage.layers *
      (timeOf(simulation.layerDecode, decodeRows) + timeOf(simulation.layerPrefill, tokens - decodeRows)) +
    (stage.embedding ? timeOf(simulation.embedding, tokens) : 0) +
    (stage.head ? timeOf(simulation.head, sampled) : 0)
  );
}

function scoresOf({ contextLengths, lengths }: RaggedBatch): number {
  const longest = Math.max(...contextLengths.map((context, index) => context + (lengths[index] as number)));
  return longest * lengths.reduce((sum, length) => sum + length, 0);
}

function timeOf({ alphaMs, betaMs }: SimulatedTime, rows: number): number {
  return rows === 0 ? 0 : alphaMs + betaMs * rows;
}

/** Enough for every sequence at its longest. */
function defaultBlockCount({ maxSequences, maxContext, blockSize }: RunnerOptions): number {
  return maxSequences * Math.ceil(maxContext / blockSize);
}

/** Blocks the thread; what one wait overshoots, the next ones are shortened by. */
function createPause(): (ms: number) => void {
  const cell = new Int32Array(new SharedArrayBuffer(4));
  let owedMs = 0;
  return (ms) => {
    const startedMs = performance.now();
    owedMs += ms;
    if (owedMs > 0) Atomics.wait(cell, 0, 0, owedMs);
    owedMs = Math.max(owedMs - (performance.now() - startedMs), -1);
  };
}
