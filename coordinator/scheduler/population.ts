import { StagecoachError } from "../../common/errors.js";
import { BlockAllocator } from "./block-allocator.js";
import { LinkedList } from "./linked-list.js";
import type { Sequence } from "./sequence.js";

/**
 * All live sequences by what they wait for, and the blocks and ids that they hold. A running sequence is
 * prefilling, ready, or has everything it can do in flight. Pure; used by the scheduler alone.
 */
export class Population {
  /** By arrival; those thrown out keep their rank. */
  readonly waiting: LinkedList<Sequence> = new LinkedList<Sequence>();
  /** By arrival. */
  readonly running: LinkedList<Sequence> = new LinkedList<Sequence>();
  /** Running, with known tokens that no micro-batch carried yet; in order of admission. */
  readonly prefilling: LinkedList<Sequence> = new LinkedList<Sequence>();
  /** Running, with one token to compute and none on its way; longest ready first. */
  readonly ready: LinkedList<Sequence> = new LinkedList<Sequence>();
  /** Running, by their ids on the stages. */
  readonly byId: Map<number, Sequence> = new Map<number, Sequence>();
  readonly #blockSize: number;
  #blocks: BlockAllocator;
  #preemptions = 0;
  /** Sequences that the next micro-batch of any lane closes. */
  #closing: number[] = [];
  #lastSequenceId = 0;

  constructor(blockCount: number, blockSize: number) {
    this.#blocks = new BlockAllocator(blockCount);
    this.#blockSize = blockSize;
  }

  get blocks(): Pick<BlockAllocator, "usedCount" | "total"> {
    return this.#blocks;
  }

  get preemptions(): number {
    return this.#preemptions;
  }

  /** Lets the first of those waiting run, with blocks for all its known tokens; false when they are not free. */
  admit(sequence: Sequence): boolean {
    const needed = Math.ceil(sequence.length / this.#blockSize);
    // Some room for those already running to grow into, or the newcomer would soon be thrown out again.
    const headroom = Math.ceil(this.running.size / 8);
    if (this.#blocks.freeCount < needed + headroom) return false;
    if (this.#lastSequenceId === 0xffffffff) {
      throw new StagecoachError("INTERNAL", "all sequence ids of this epoch are used: start a new epoch");
    }
    sequence.sequenceId = ++this.#lastSequenceId;
    this.byId.set(sequence.sequenceId, sequence);
    for (let taken = 0; taken < needed; taken++) this.#takeBlock(sequence);
    let older = this.running.tail;
    while (older !== undefined && older.item.arrival > sequence.arrival) older = older.previous;
    this.running.insertBefore(sequence.age, older === undefined ? this.running.head : older.next);
    sequence.place.unlink();
    this.prefilling.append(sequence.place);
    return true;
  }

  /** Whether the sequence's next token fits the blocks it holds. */
  hasBlockForNext(sequence: Sequence): boolean {
    return sequence.blocks.length * this.#blockSize > sequence.scheduled;
  }

  /** Gives a ready sequence one more block, at the cost of a younger one if need be; false when it has to wait. */
  grow(sequence: Sequence): boolean {
    if (this.#blocks.freeCount === 0) {
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
    sequence.place.unlink();
    if (sequence.sequenceId === 0) return;
    sequence.age.unlink();
    this.byId.delete(sequence.sequenceId);
    this.#closing.push(sequence.sequenceId);
    for (const block of sequence.blocks) this.#blocks.release(block);
    sequence.reset();
  }

  /** The ids to close with the micro-batch that is about to leave. */
  takeClosing(): readonly number[] {
    const closing = this.#closing;
    this.#closing = [];
    return closing;
  }

  /** Everything running waits again; stages know nothing any more, ids begin anew. */
  startEpoch(blockCount: number): void {
    for (let node = this.running.tail; node !== undefined; node = this.running.tail) this.#suspend(node.item);
    this.#blocks = new BlockAllocator(blockCount);
    this.#closing = [];
    this.#lastSequenceId = 0;
  }

  /**
   * The youngest that is not in flight and not older than the one in need. None while all younger ones are in
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
    let younger = this.waiting.head;
    while (younger !== undefined && younger.item.arrival < sequence.arrival) younger = younger.next;
    this.waiting.insertBefore(sequence.place, younger);
  }

  #takeBlock(sequence: Sequence): void {
    const block = this.#blocks.take();
    if (block === undefined) throw new StagecoachError("INTERNAL", "no free KV block where one was counted");
    sequence.blocks.push(block);
  }
}
