import { StagecoachError } from "../../common/errors.js";
import type { SequenceClosing } from "../../common/frame-codec.js";
import { BlockPool } from "./block-pool.js";
import type { Draft } from "./draft.js";
import { LinkedList } from "./linked-list.js";
import { cachedPrefix, noPrefix, originPrefix, type Prefix, withoutCopy } from "./prefix.js";
import type { Sequence } from "./sequence.js";
import { WaitingQueue } from "./waiting-queue.js";

/** What the prefix cache was asked for and had, in tokens since the start. */
export interface PrefixCounts {
  queries: number;
  hits: number;
}

/**
 * All live sequences by what they wait for, and the blocks and ids that they hold. A running sequence is
 * prefilling, ready, or has everything it can do in flight. Pure; used by the scheduler alone.
 */
export class Population {
  readonly waiting: WaitingQueue = new WaitingQueue();
  /** By seniority: priority first, then who was let in first; those thrown out keep their rank. */
  readonly running: LinkedList<Sequence> = new LinkedList<Sequence>();
  /** Running, with known tokens that no micro-batch carried yet; in order of admission. */
  readonly prefilling: LinkedList<Sequence> = new LinkedList<Sequence>();
  /** Running, with one token to compute and none on its way; longest ready first. */
  readonly ready: LinkedList<Sequence> = new LinkedList<Sequence>();
  /** Running, by their ids on the stages. */
  readonly byId: Map<number, Sequence> = new Map<number, Sequence>();
  /** Tokens that those prefilling have before them. */
  prefillingTokens = 0;
  readonly prefixCounts: PrefixCounts = { queries: 0, hits: 0 };
  readonly #blockSize: number;
  readonly #prefixCache: boolean;
  #blocks: BlockPool;
  #preemptions = 0;
  #admissions = 0;
  /** Sequences that the next micro-batch of any lane closes. */
  #closing: SequenceClosing[] = [];
  /** Blocks that sequences opened in the next micro-batch copy from. */
  #copySources: number[] = [];
  #lastSequenceId = 0;

  constructor(blockCount: number, blockSize: number, prefixCache: boolean) {
    this.#blocks = new BlockPool(blockCount);
    this.#blockSize = blockSize;
    this.#prefixCache = prefixCache;
  }

  get blocks(): Pick<BlockPool, "usedCount" | "cachedCount" | "total"> {
    return this.#blocks;
  }

  get preemptions(): number {
    return this.#preemptions;
  }

  /**
   * Lets the first of those waiting run, with blocks for all its known tokens, shared where their KV is there.
   * @returns what it starts from; undefined when too few blocks are free
   */
  admit(sequence: Sequence): Prefix | undefined {
    const prefix = this.#affordable(sequence, this.#longestPrefix(sequence));
    if (prefix === undefined) return undefined;
    if (this.#lastSequenceId === 0xffffffff) {
      throw new StagecoachError("INTERNAL", "all sequence ids of this epoch are used: start a new epoch");
    }
    this.waiting.admit(sequence, sequence.length - prefix.length);
    if (sequence.rank < 0) this.#countFirst(sequence, prefix);
    sequence.sequenceId = ++this.#lastSequenceId;
    this.byId.set(sequence.sequenceId, sequence);
    this.#giveBlocks(sequence, prefix);
    this.#insertBySeniority(sequence);
    this.prefilling.append(sequence.place);
    this.prefillingTokens += sequence.length - sequence.scheduled;
    return prefix;
  }

  /** Adds a chunk of a prompt to a micro-batch. */
  addPrefill(draft: Draft, sequence: Sequence, count: number): void {
    this.prefillingTokens -= count;
    draft.addSlice(sequence, count);
  }

  /** Whether the sequence's next token fits the blocks it holds. */
  hasBlockForNext(sequence: Sequence): boolean {
    return sequence.blocks.length * this.#blockSize > sequence.scheduled;
  }

  /**
   * Gives a ready sequence one more block, at the cost of junior ones if need be; false when it has to wait. A
   * victim whose blocks are all shared frees none, so that there may be several.
   */
  grow(sequence: Sequence): boolean {
    while (this.#blocks.freeCount === 0) {
      const victim = this.#victimFor(sequence);
      if (victim === undefined) return false;
      this.#suspend(victim);
      this.#preemptions++;
      if (victim === sequence) return false;
    }
    this.#takeBlock(sequence);
    return true;
  }

  /**
   * Lets go of all that a sequence holds, its place in the queue too. Its blocks may be given away at once: every
   * micro-batch from now on is behind the one that closes it, or is that one, and stages free what is closed
   * before they compute.
   */
  release(sequence: Sequence): void {
    if (sequence.sequenceId === 0) {
      if (sequence.place.list !== undefined) this.waiting.remove(sequence);
      return;
    }
    if (sequence.place.list === this.prefilling) {
      this.prefillingTokens -= sequence.length - sequence.scheduled;
    }
    sequence.place.unlink();
    sequence.age.unlink();
    this.byId.delete(sequence.sequenceId);
    const { blocks } = sequence;
    let keptBlocks = blocks.length;
    while (keptBlocks > 0 && !this.#blocks.isKnown(blocks[keptBlocks - 1] as number)) keptBlocks--;
    this.#closing.push({ sequenceId: sequence.sequenceId, keptBlocks });
    // Backwards, for a block is of no use without those before it.
    for (let index = blocks.length - 1; index >= 0; index--) this.#blocks.release(blocks[index] as number);
    sequence.reset();
  }

  /** What a sequence computed, or started from, is not to be found by others any more, for it went wrong. */
  forget({ blocks }: Sequence): void {
    for (const block of blocks) this.#blocks.forget(block);
  }

  /** Nothing that is known by now is to be found any more. */
  forgetAll(): void {
    this.#blocks.forgetAll();
  }

  /** A micro-batch with these sequences leaves: what it fills can be shared from now on. */
  left(sequences: readonly Sequence[]): void {
    for (const block of this.#copySources) this.#blocks.release(block);
    if (this.#copySources.length > 0) this.#copySources = [];
    if (this.#prefixCache) for (const sequence of sequences) this.#learn(sequence);
  }

  /** What to close with the micro-batch that is about to leave. */
  takeClosing(): readonly SequenceClosing[] {
    if (this.#closing.length === 0) return none;
    const closing = this.#closing;
    this.#closing = [];
    return closing;
  }

  /** Everything running waits again; stages know nothing any more, ids begin anew. */
  startEpoch(blockCount: number): void {
    for (let node = this.running.tail; node !== undefined; node = this.running.tail) this.#suspend(node.item);
    this.#blocks = new BlockPool(blockCount);
    this.#closing = [];
    this.#lastSequenceId = 0;
  }

  #longestPrefix(sequence: Sequence): Prefix {
    const cached = this.#prefixCache ? cachedPrefix(sequence, this.#blocks, this.#blockSize) : noPrefix;
    const forked = originPrefix(sequence, this.#blockSize);
    return forked.length > cached.length ? forked : cached;
  }

  /** As much of a prefix as leaves blocks enough for the rest; undefined when there are too few. */
  #affordable(sequence: Sequence, prefix: Prefix): Prefix | undefined {
    const needed = Math.ceil(sequence.length / this.#blockSize) - prefix.blocks.length;
    // Some room for those already running to grow into, or the newcomer would soon be thrown out again.
    const headroom = Math.ceil(this.running.size / 8);
    const idle = (block: number) => (this.#blocks.holders(block) === 0 ? 1 : 0);
    let left = this.#blocks.freeCount - needed - headroom;
    for (const block of prefix.blocks) left -= idle(block);
    if (left < 0) return undefined;
    const { copyFrom } = prefix;
    // A whole cache of one request's blocks has none to spare for a copy.
    return copyFrom !== undefined && left < idle(copyFrom) ? withoutCopy(prefix, this.#blockSize) : prefix;
  }

  #giveBlocks(sequence: Sequence, { length, blocks, copyFrom }: Prefix): void {
    for (const block of blocks) {
      this.#blocks.share(block);
      sequence.blocks.push(block);
    }
    // Held until the micro-batch that opens the sequence has left, so that nothing in it can overwrite it.
    if (copyFrom !== undefined) {
      this.#blocks.share(copyFrom);
      this.#copySources.push(copyFrom);
    }
    sequence.shared = blocks.length;
    sequence.announced = blocks.length;
    sequence.learned = blocks.length;
    sequence.scheduled = length;
    const needed = Math.ceil(sequence.length / this.#blockSize);
    while (sequence.blocks.length < needed) this.#takeBlock(sequence);
  }

  #countFirst(sequence: Sequence, { length }: Prefix): void {
    sequence.rank = this.#admissions++;
    sequence.cachedPromptTokens = length;
    if (!this.#prefixCache || sequence.origin !== undefined) return;
    this.prefixCounts.queries += sequence.request.promptIds.length;
    this.prefixCounts.hits += length;
  }

  #insertBySeniority(sequence: Sequence): void {
    let senior = this.running.tail;
    while (senior !== undefined && isSenior(sequence, senior.item)) senior = senior.previous;
    this.running.insertBefore(sequence.age, senior === undefined ? this.running.head : senior.next);
  }

  /**
   * The most junior that is not in flight and not senior to the one in need. None while all junior ones are in
   * flight: they come back, and then give way.
   */
  #victimFor(sequence: Sequence): Sequence | undefined {
    let node = this.running.tail;
    while (node !== undefined && node.item !== sequence) {
      if (node.item.inFlight === 0) return node.item;
      node = node.previous;
    }
    return this.running.tail === node ? node?.item : undefined;
  }

  /** Back to the queue, to be recomputed. */
  #suspend(sequence: Sequence): void {
    this.release(sequence);
    this.waiting.resume(sequence);
  }

  /** The blocks that its last slice has filled. */
  #learn(sequence: Sequence): void {
    const full = Math.floor(sequence.sent / this.#blockSize);
    for (; sequence.learned < full; sequence.learned++) {
      const key = sequence.keyOf(sequence.learned, this.#blockSize);
      this.#blocks.learn(sequence.blocks[sequence.learned] as number, key);
    }
  }

  #takeBlock(sequence: Sequence): void {
    const block = this.#blocks.take();
    if (block === undefined) throw new StagecoachError("INTERNAL", "no free KV block where one was counted");
    sequence.blocks.push(block);
  }
}

const none: readonly SequenceClosing[] = [];

function isSenior(one: Sequence, other: Sequence): boolean {
  return one.priority < other.priority || (one.priority === other.priority && one.rank < other.rank);
}
