import { StagecoachError } from "../../common/errors.js";
import { sampledToken } from "../../common/frame-codec.js";
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

  /** Sequences of which it samples a token, by the ids that they had. */
  *sampled(): Iterable<Sequence> {
    for (const [index, { sequenceId, sample }] of this.slices.entries()) {
      const sequence = this.#sequences[index] as Sequence;
      if (sample && sequence.sequenceId === sequenceId) yield sequence;
    }
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
    const { scheduled } = sequence;
    const end = scheduled + count;
    const sample = end === sequence.length;
    if (sequence.decoding) this.decodeRows++;
    else this.prefillTokens += count;
    this.#push(sequence, sequence.tokens(scheduled, end), sample);
    if (sample) sequence.place.unlink();
  }

  /** Adds the token that is being sampled for a sequence, which must hold a block for it. */
  addAhead(sequence: Sequence): void {
    this.decodeRows++;
    this.#push(sequence, yetToCome, true);
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
    const awaited = new Set<number>();
    for (const { sequenceId, sample } of this.slices) if (sample) awaited.add(sequenceId);
    for (const { sequenceId, tokenId } of tokens) {
      const sequence = live.get(sequenceId);
      if (sequence === undefined) continue;
      if (!awaited.delete(sequenceId)) {
        throw outOfStep(`a token came for sequence ${sequenceId}, which lane ${this.lane} did not sample`);
      }
      landed.push({ sequence, tokenId });
    }
    for (const [index, { sequenceId, sample }] of this.slices.entries()) {
      const sequence = this.#sequences[index] as Sequence;
      if (sequence.sequenceId !== sequenceId) continue;
      sequence.inFlight--;
      if (!sample) continue;
      if (awaited.has(sequenceId)) {
        throw outOfStep(`no token came for sequence ${sequenceId}, which lane ${this.lane} sampled`);
      }
      sequence.sampling--;
      sequence.decoding = true;
    }
    return landed;
  }

  #push(sequence: Sequence, tokenIds: Uint32Array, sample: boolean): void {
    const { sequenceId, scheduled, announced, blocks } = sequence;
    const end = scheduled + tokenIds.length;
    const blocksEnd = Math.ceil(end / this.#blockSize);
    const newBlocks = announced === blocksEnd ? none : blocks.slice(announced, blocksEnd);
    this.slices.push({ sequenceId, contextLength: scheduled, tokenIds, sample, newBlocks });
    this.#sequences.push(sequence);
    this.tokensLeft -= tokenIds.length;
    sequence.scheduled = end;
    sequence.announced = blocksEnd;
    sequence.inFlight++;
    if (sample) sequence.sampling++;
  }
}

/** A sequence and the token sampled for it. */
export interface Landed {
  readonly sequence: Sequence;
  readonly tokenId: number;
}

const none: readonly number[] = [];
const yetToCome = Uint32Array.of(sampledToken);

function outOfStep(message: string): StagecoachError {
  return new StagecoachError("INTERNAL", message);
}
