import { StagecoachError } from "../../common/errors.js";
import type { Prefix } from "./prefix.js";
import type { Sequence } from "./sequence.js";
import type { OpenedSequence, Slice, TokenResult } from "./types.js";

/** A micro-batch while it is put together, and what to remember of it until it lands. */
export class Draft {
  readonly lane: number;
  readonly opened: OpenedSequence[] = [];
  readonly slices: Slice[] = [];
  tokensLeft: number;
  decodeRows = 0;
  prefillTokens = 0;
  /** Of the slices, by index. */
  readonly #sequences: Sequence[] = [];
  readonly #blockSize: number;

  constructor(lane: number, tokenBudget: number, blockSize: number) {
    this.lane = lane;
    this.tokensLeft = tokenBudget;
    this.#blockSize = blockSize;
  }

  /** Opens a sequence that starts from a prefix; its first slice is to follow. */
  addOpening(sequence: Sequence, { length, blocks, copyFrom }: Prefix): void {
    this.opened.push({
      sequenceId: sequence.sequenceId,
      requestId: sequence.request.requestId,
      tokens: sequence.tokens(0, sequence.length),
      promptLength: sequence.request.promptIds.length,
      cachedLength: length,
      cachedBlocks: copyFrom === undefined ? blocks : [...blocks, copyFrom],
      sampling: sequence.request.sampling,
    });
  }

  /**
   * Adds the next `count` known tokens of a sequence, which must hold the blocks for them. With the last known
   * token it samples, and leaves the list it was in until its token is back.
   */
  addSlice(sequence: Sequence, count: number): void {
    const contextLength = sequence.scheduled;
    const end = contextLength + count;
    const sample = end === sequence.length;
    const blocksEnd = Math.ceil(end / this.#blockSize);
    this.slices.push({
      sequenceId: sequence.sequenceId,
      contextLength,
      tokenIds: sequence.tokens(contextLength, end),
      sample,
      newBlocks:
        sequence.announced === blocksEnd ? none : sequence.blocks.slice(sequence.announced, blocksEnd),
    });
    this.#sequences.push(sequence);
    if (sequence.decoding) this.decodeRows++;
    else this.prefillTokens += count;
    this.tokensLeft -= count;
    sequence.scheduled = end;
    sequence.announced = blocksEnd;
    sequence.inFlight++;
    if (sample) {
      sequence.samplingLane = this.lane;
      sequence.place.unlink();
    }
  }

  /** The sequences of its slices, once it is complete and about to leave. */
  leave(): readonly Sequence[] {
    for (const sequence of this.#sequences) sequence.sent = sequence.scheduled;
    return this.#sequences;
  }

  /**
   * Takes its sequences out of flight and pairs tokens with those that are still alive.
   * @throws StagecoachError INTERNAL when a token is missing, or comes that this micro-batch did not sample.
   */
  land(tokens: readonly TokenResult[], live: ReadonlyMap<number, Sequence>): Landed[] {
    const landed: Landed[] = [];
    for (const { sequenceId, tokenId } of tokens) {
      const sequence = live.get(sequenceId);
      if (sequence === undefined) continue;
      if (sequence.samplingLane !== this.lane) {
        throw outOfStep(`a token came for sequence ${sequenceId}, which lane ${this.lane} did not sample`);
      }
      sequence.samplingLane = undefined;
      landed.push({ sequence, tokenId });
    }
    for (let index = 0; index < this.slices.length; index++) {
      const sequence = this.#sequences[index] as Sequence;
      const { sequenceId, sample } = this.slices[index] as Slice;
      if (sequence.sequenceId !== sequenceId) continue;
      sequence.inFlight--;
      if (sample && sequence.samplingLane === this.lane) {
        throw outOfStep(`no token came for sequence ${sequenceId}, which lane ${this.lane} sampled`);
      }
      if (sample) sequence.decoding = true;
    }
    return landed;
  }
}

/** A sequence and the token sampled for it. */
export interface Landed {
  readonly sequence: Sequence;
  readonly tokenId: number;
}

const none: readonly number[] = [];

function outOfStep(message: string): StagecoachError {
  return new StagecoachError("INTERNAL", message);
}
