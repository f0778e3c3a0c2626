import { StagecoachError } from "../../common/errors.js";
import { BlockPool } from "./block-pool.js";
import { cachedPrefix, noPrefix, originPrefix, type Prefix, withoutCopy } from "./prefix.js";
import type { Sequence } from "./sequence.js";
import type { SchedulerOptions } from "./types.js";

/** What blocks there are, and how they may be shared. */
export type BlockOptions = Required<
  Pick<SchedulerOptions, "blockCount" | "blockSize" | "prefixCache" | "beginsInsideBlocks">
>;

/**
 * The blocks of one epoch's stages and which sequences hold them: what a newcomer can share, what it needs beside
 * that, and what others can share of its own. Pure; used by the population alone.
 */
export class SequenceBlocks {
  readonly #pool: BlockPool;
  readonly #blockSize: number;
  readonly #prefixCache: boolean;
  readonly #beginsInsideBlocks: boolean;
  /** Blocks that sequences opened in the next micro-batch copy from. */
  #copySources: number[] = [];

  constructor({ blockCount, blockSize, prefixCache, beginsInsideBlocks }: BlockOptions) {
    this.#pool = new BlockPool(blockCount);
    this.#blockSize = blockSize;
    this.#prefixCache = prefixCache;
    this.#beginsInsideBlocks = beginsInsideBlocks;
  }

  get pool(): Pick<BlockPool, "usedCount" | "cachedCount" | "freeCount" | "total"> {
    return this.#pool;
  }

  /** Whether the sequence's next token fits the blocks it holds. */
  haveRoomFor(sequence: Sequence): boolean {
    return sequence.blocks.length * this.#blockSize > sequence.scheduled;
  }

  /**
   * What a sequence can start from when all its known tokens get blocks.
   * @param headroom blocks that are to stay free
   * @returns undefined when too few are free
   */
  prefixFor(sequence: Sequence, headroom: number): Prefix | undefined {
    return this.#affordable(sequence, this.#longestPrefix(sequence), headroom);
  }

  /** Gives a sequence blocks for all its known tokens, of which it shares those of a prefix. */
  give(sequence: Sequence, { length, blocks, copyFrom }: Prefix): void {
    for (const block of blocks) {
      this.#pool.share(block);
      sequence.blocks.push(block);
    }
    // Held until the micro-batch that opens the sequence has left, so that nothing in it can overwrite it.
    if (copyFrom !== undefined) {
      this.#pool.share(copyFrom);
      this.#copySources.push(copyFrom);
    }
    sequence.shared = blocks.length;
    sequence.announced = blocks.length;
    sequence.learned = blocks.length;
    sequence.scheduled = length;
    const needed = Math.ceil(sequence.length / this.#blockSize);
    while (sequence.blocks.length < needed) this.take(sequence);
  }

  /** One more block for a sequence; there must be a free one. */
  take(sequence: Sequence): void {
    const block = this.#pool.take();
    if (block === undefined) throw new StagecoachError("INTERNAL", "no free KV block where one was counted");
    sequence.blocks.push(block);
  }

  /**
   * Lets go of all blocks of a sequence.
   * @returns how many of its leading ones hold what can be found again
   */
  release({ blocks }: Sequence): number {
    let kept = blocks.length;
    while (kept > 0 && !this.#pool.isKnown(blocks[kept - 1] as number)) kept--;
    // Backwards, for a block is of no use without those before it.
    for (let index = blocks.length - 1; index >= 0; index--) this.#pool.release(blocks[index] as number);
    return kept;
  }

  /** What a sequence computed, or started from, is not to be found by others any more. */
  forget({ blocks }: Sequence): void {
    for (const block of blocks) this.#pool.forget(block);
  }

  /** Nothing that is known by now is to be found any more. */
  forgetAll(): void {
    this.#pool.forgetAll();
  }

  /** A micro-batch with these sequences leaves: what it fills can be shared from now on. */
  left(sequences: readonly Sequence[]): void {
    for (const block of this.#copySources) this.#pool.release(block);
    if (this.#copySources.length > 0) this.#copySources = [];
    if (this.#prefixCache) for (const sequence of sequences) this.#learn(sequence);
  }

  /** A token of the sequence is known now: a block that it was sent ahead to fill can be shared. */
  appended(sequence: Sequence): void {
    if (this.#prefixCache) this.#learn(sequence);
  }

  #longestPrefix(sequence: Sequence): Prefix {
    const cached = this.#prefixCache ? cachedPrefix(sequence, this.#pool, this.#blockSize) : noPrefix;
    const forked = originPrefix(sequence, this.#blockSize);
    const longest = forked.length > cached.length ? forked : cached;
    return this.#beginsInsideBlocks ? longest : withoutCopy(longest, this.#blockSize);
  }

  /** As much of a prefix as leaves blocks enough for the rest; undefined when there are too few. */
  #affordable(sequence: Sequence, prefix: Prefix, headroom: number): Prefix | undefined {
    const needed = Math.ceil(sequence.length / this.#blockSize) - prefix.blocks.length;
    const idle = (block: number) => (this.#pool.holders(block) === 0 ? 1 : 0);
    let left = this.#pool.freeCount - needed - headroom;
    for (const block of prefix.blocks) left -= idle(block);
    if (left < 0) return undefined;
    const { copyFrom } = prefix;
    // A whole cache of one request's blocks has none to spare for a copy.
    return copyFrom !== undefined && left < idle(copyFrom) ? withoutCopy(prefix, this.#blockSize) : prefix;
  }

  /** The blocks that are filled by tokens that are sent and known. */
  #learn(sequence: Sequence): void {
    const full = Math.floor(Math.min(sequence.sent, sequence.length) / this.#blockSize);
    for (; sequence.learned < full; sequence.learned++) {
      const key = sequence.keyOf(sequence.learned, this.#blockSize);
      this.#pool.learn(sequence.blocks[sequence.learned] as number, key);
    }
  }
}
