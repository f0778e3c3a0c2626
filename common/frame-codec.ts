import type { Close, Close__Output } from "../proto/gen/stagecoach/v1/Close.js";
import type { Forward, Forward__Output } from "../proto/gen/stagecoach/v1/Forward.js";
import type { Open, Open__Output } from "../proto/gen/stagecoach/v1/Open.js";
import type { SequenceOpen__Output } from "../proto/gen/stagecoach/v1/SequenceOpen.js";
import { StagecoachError } from "./errors.js";
import { type Activation, bytesOf, decodeActivation, encodeActivation, uint32View } from "./tensor.js";

/**
 * Packed tokens of several sequences, one micro-batch; arrays have one entry a slice, decoding slices (length 1)
 * first. See Forward in stage.proto.
 */
export interface RaggedBatch {
  readonly lane: number;
  readonly sequenceIds: readonly number[];
  /** Tokens of the sequence already in KV. */
  readonly contextLengths: readonly number[];
  readonly lengths: readonly number[];
  /** Whether the token after a slice's last one is sampled, at the last stage. */
  readonly sample: readonly boolean[];
  /** KV blocks that each slice adds to its sequence's block table. */
  readonly newBlocks: readonly (readonly number[])[];
}

/**
 * In place of a token id: the token that the sequence sampled last, which a stage that both begins and ends the
 * model has before the coordinator. A slice of it has no other token.
 */
export const sampledToken = 0xffffffff;

/** Token ids into the first stage, hidden states `[tokens, hiddenSize]` into the others. */
export type StageInput = { kind: "tokens"; tokenIds: Uint32Array } | ({ kind: "hidden" } & Activation);

/** A sequence as every stage gets to know it; see SequenceOpen in stage.proto. */
export interface SequenceOpening {
  readonly sequenceId: number;
  readonly history: Uint32Array;
  readonly promptLength: number;
  /** Tokens at the beginning whose KV exists already; the first slice starts there. */
  readonly cachedLength: number;
  /** The blocks that hold them, in order; a last one that is only partly used is copied from. */
  readonly cachedBlocks: readonly number[];
  readonly sampling: SamplingParameters;
}

/** A sequence that is over, and how many of its leading blocks stay readable; see Close in stage.proto. */
export interface SequenceClosing {
  readonly sequenceId: number;
  readonly keptBlocks: number;
}

/** Complete sampling settings of a sequence; see Sampling in stage.proto for what turns each one off. */
export interface SamplingParameters {
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
  readonly repetitionPenalty: number;
  readonly presencePenalty: number;
  readonly frequencyPenalty: number;
  readonly logitBias: ReadonlyMap<number, number>;
  readonly seed: number;
  readonly suppressedTokenIds: readonly number[];
  /** Generated length below which suppressed tokens cannot be sampled. */
  readonly suppressedUntilLength: number;
  readonly wantLogprobs: boolean;
  readonly topLogprobs: number;
}

/** The message for a micro-batch. `sentAtUs` is when the sender was done with it, see common/wall-clock.ts. */
export function encodeForward(batch: RaggedBatch, input: StageInput, sentAtUs: number): Forward {
  return {
    ...forwardSlices(batch),
    ...(input.kind === "tokens"
      ? { tokenIds: bytesOf(input.tokenIds) }
      : { hidden: encodeActivation(input, sum(batch.lengths)) }),
    sentAtUs,
  };
}

/**
 * A micro-batch out of its message, of which its input may be a view.
 * @throws StagecoachError INVALID_ARGUMENT naming the array that does not add up
 */
export function decodeForward(
  forward: Forward__Output,
  lane: number,
): { batch: RaggedBatch; input: StageInput } {
  const { sequenceIds, contextLengths, lengths, sample, newBlockCounts } = forward;
  const sliceCount = sequenceIds.length;
  const perSlice = { contextLengths, lengths, sample, newBlockCounts };
  for (const [name, array] of Object.entries(perSlice)) {
    if (array.length !== sliceCount) {
      throw invalid(`Forward has ${sliceCount} sequenceIds and ${array.length} ${name}`);
    }
  }
  if (new Set(sequenceIds).size !== sliceCount) {
    throw invalid(`Forward names a sequence twice in [${sequenceIds.join(", ")}]`);
  }
  for (const [index, length] of lengths.entries()) checkSlice(forward, index, length);
  return {
    batch: {
      lane,
      sequenceIds,
      contextLengths,
      lengths,
      sample: Array.from(sample, (flag) => flag === 1),
      newBlocks: split(forward.newBlockIds, newBlockCounts, "newBlockIds"),
    },
    input: decodeInput(forward, sum(lengths)),
  };
}

/** The message that a stage passes on: the same slices with its own result. */
export function forwardSlices(batch: RaggedBatch): Forward {
  return {
    sequenceIds: [...batch.sequenceIds],
    contextLengths: [...batch.contextLengths],
    lengths: [...batch.lengths],
    sample: Buffer.from(batch.sample.map(Number)),
    newBlockCounts: batch.newBlocks.map((blocks) => blocks.length),
    newBlockIds: batch.newBlocks.flat(),
  };
}

/** The message that opens sequences. */
export function encodeOpen(openings: readonly SequenceOpening[]): Open {
  return {
    sequences: openings.map(({ history, sampling, cachedBlocks, ...rest }) => ({
      ...rest,
      history: bytesOf(history),
      cachedBlockIds: [...cachedBlocks],
      sampling: {
        ...sampling,
        logitBias: Array.from(sampling.logitBias, ([tokenId, bias]) => ({ tokenId, bias })),
        suppressedTokenIds: [...sampling.suppressedTokenIds],
      },
    })),
  };
}

/**
 * Sequences out of the message that opens them.
 * @throws StagecoachError INVALID_ARGUMENT when a sequence has no sampling or broken history
 */
export function decodeOpen({ sequences }: Open__Output): SequenceOpening[] {
  return sequences.map(decodeOpening);
}

/** The message that closes sequences. */
export function encodeClose(closings: readonly SequenceClosing[]): Close {
  const keepsAny = closings.some(({ keptBlocks }) => keptBlocks > 0);
  return {
    sequenceIds: closings.map(({ sequenceId }) => sequenceId),
    keptBlockCounts: keepsAny ? closings.map(({ keptBlocks }) => keptBlocks) : [],
  };
}

/**
 * Sequences out of the message that closes them.
 * @throws StagecoachError INVALID_ARGUMENT when its arrays do not belong together
 */
export function decodeClose({ sequenceIds, keptBlockCounts }: Close__Output): SequenceClosing[] {
  if (keptBlockCounts.length > 0 && keptBlockCounts.length !== sequenceIds.length) {
    throw invalid(
      `Close has ${sequenceIds.length} sequenceIds and ${keptBlockCounts.length} keptBlockCounts`,
    );
  }
  return sequenceIds.map((sequenceId, index) => ({ sequenceId, keptBlocks: keptBlockCounts[index] ?? 0 }));
}

function decodeOpening({
  sequenceId,
  history,
  promptLength,
  cachedLength,
  cachedBlockIds,
  sampling,
}: SequenceOpen__Output): SequenceOpening {
  if (sampling === null) throw invalid(`Open of sequence ${sequenceId} has no sampling`);
  if (history.byteLength % 4 !== 0) {
    throw invalid(
      `Open of sequence ${sequenceId} has a history of ${history.byteLength} bytes, not whole ids`,
    );
  }
  return {
    sequenceId,
    history: Uint32Array.from(uint32View(history)),
    promptLength,
    cachedLength,
    cachedBlocks: cachedBlockIds,
    sampling: {
      ...sampling,
      logitBias: new Map(sampling.logitBias.map(({ tokenId, bias }) => [tokenId, bias])),
    },
  };
}

function checkSlice(forward: Forward__Output, index: number, length: number): void {
  const name = `Forward's slice of sequence ${forward.sequenceIds[index]}`;
  if (length === 0) throw invalid(`${name} has no tokens`);
  const end = (forward.contextLengths[index] as number) + length;
  if (end > 2 ** 31) throw invalid(`${name} ends at position ${end}`);
  const flag = forward.sample[index] as number;
  if (flag > 1) throw invalid(`${name} has sample ${flag}; it is 0 or 1`);
}

function decodeInput({ tokenIds, hidden }: Forward__Output, tokenCount: number): StageInput {
  if (hidden === null) {
    if (tokenIds.byteLength !== tokenCount * 4) {
      throw invalid(`Forward of ${tokenCount} tokens has ${tokenIds.byteLength} bytes of tokenIds`);
    }
    return { kind: "tokens", tokenIds: uint32View(tokenIds) };
  }
  if (tokenIds.byteLength > 0) throw invalid("Forward has both tokenIds and hidden");
  return { kind: "hidden", ...decodeActivation(hidden, tokenCount) };
}

/** Cuts a flat array into runs of the given lengths, which must use it up. */
export function split<Value>(flat: readonly Value[], counts: readonly number[], name: string): Value[][] {
  const total = sum(counts);
  if (total !== flat.length)
    throw invalid(`${name} has ${flat.length} entries where its counts say ${total}`);
  let end = 0;
  return counts.map((count) => {
    end += count;
    return flat.slice(end - count, end);
  });
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function invalid(message: string): StagecoachError {
  return new StagecoachError("INVALID_ARGUMENT", message);
}
