import { StagecoachError } from "../../common/errors.js";
import type { SequenceClosing } from "../../common/frame-codec.js";
import type { Draft } from "./draft.js";
import { LinkedList } from "./linked-list.js";
import type { Prefix } from "./prefix.js";
import type { Sequence } from "./sequence.js";
import { type BlockOptions, SequenceBlocks } from "./sequence-blocks.js";
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
  readonly #options: BlockOptions;
  #blocks: SequenceBlocks;
  #preemptions = 0;
  #admissions = 0;
  /** Sequences that the next micro-batch of any lane closes. */
  #closing: SequenceClosing[] = [];
  #lastSequenceId = 0;

  constructor(options: BlockOptions) {
    this.#options = options;
    this.#blocks = new SequenceBlocks(options);
  }

  get blocks(): SequenceBlocks["pool"] {
    return this.#blocks.pool;
  }

  get preemptions(): number {
    return this.#preemptions;
  }

  /**
   * Lets the first of those waiting run, with blocks for all its known tokens, shared where their KV is there.
   * @returns what it starts from; undefined when too few blocks are free
   */
  admit(sequence: Sequence): Prefix | undefined {
    // Some room for those already running to grow into, or the newcomer would soon be thrown out again.
    const prefix = this.#blocks.prefixFor(sequence, Math.ceil(this.running.size / 8));
    if (prefix === undefined) return undefined;
    if (this.#lastSequenceId === 0xffffffff) {
      throw new StagecoachError("INTERNAL", "all sequence ids of this epoch are used: start a new epoch");
    }
    this.waiting.admit(sequence, sequence.length - prefix.length);
    if (sequence.rank < 0) this.#countFirst(sequence, prefix);
    sequence.sequenceId = ++this.#lastSequenceId;
    this.byId.set(sequence.sequenceId, sequence);
    this.#blocks.give(sequence, prefix);
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
    return this.#blocks.haveRoomFor(sequence);
  }

  /**
   * Gives a ready sequence one more block, at the cost of junior ones if need be; false when it has to wait. A
   * victim whose blocks are all shared frees none, so that there may be several.
   */
  grow(sequence: Sequence): boolean {
    while (this.#blocks.pool.freeCount === 0) {
      const victim = this.#victimFor(sequence);
      if (victim === undefined) return false;
      this.#suspend(victim);
      this.#preemptions++;
      if (victim === sequence) return false;
    }
    this.#blocks.take(sequence);
    return true;
  }

  /** Gives a sequence one more block where one is free. */
  growIfFree(sequence: Sequence): boolean {
    if (this.#blocks.pool.freeCount === 0) return false;
    this.#blocks.take(sequence);
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
    const keptBlocks = this.#blocks.release(sequence);
    this.#closing.push({ sequenceId: sequence.sequenceId, keptBlocks });
    sequence.reset();
  }

  /** What a sequence computed, or started from, is not to be found by others any more, for it went wrong. */
  forget(sequence: Sequence): void {
    this.#blocks.forget(sequence);
  }

  /** Nothing that is known by now is to be found any more. */
  forgetAll(): void {
    this.#blocks.forgetAll();
  }

  /** A token of the sequence is known that may have been sent ahead: what it fills can be shared from now on. */
  appended(sequence: Sequence): void {
    this.#blocks.appended(sequence);
  }

  /** A micro-batch with these sequences leaves: what it fills can be shared from now on. */
  left(sequences: readonly Sequence[]): void {
    this.#blocks.left(sequences);
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
    this.#blocks = new SequenceBlocks({ ...this.#options, blockCount });
    this.#closing = [];
    this.#lastSequenceId = 0;
  }

  #countFirst(sequence: Sequence, { length }: Prefix): void {
    sequence.rank = this.#admissions++;
    sequence.cachedPromptTokens = length;
    if (!this.#options.prefixCache || sequence.origin !== undefined) return;
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
}

const none: readonly SequenceClosing[] = [];

function isSenior(one: Sequence, other: Sequence): boolean {
  return one.priority < other.priority || (one.priority === other.priority && one.rank < other.rank);
}
