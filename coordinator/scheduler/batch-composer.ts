import { Draft } from "./draft.js";
import type { ListNode } from "./linked-list.js";
import type { Population } from "./population.js";
import { PromptBudget } from "./prompt-budget.js";
import type { Sequence } from "./sequence.js";
import type { StepSample } from "./step-times.js";
import type { SchedulerOptions } from "./types.js";

/** Pieces of prompts below this are not worth a micro-batch's while when there is more in it already. */
const leastPieceTokens = 64;

/**
 * Puts micro-batches together out of the population: rows to decode, then pieces of prompts, then those let in.
 * Pure; used by the scheduler alone.
 */
export class BatchComposer {
  readonly #population: Population;
  #options: Required<SchedulerOptions>;
  #budget: PromptBudget;
  #blocksAreScarce = false;
  #rowsLackBlocks = false;
  /** Micro-batches that decoded since somebody waits for want of budget alone. */
  #heldBack = 0;
  /** In static batching, how many more the present batch takes. */
  #placesInBatch = 0;

  constructor(population: Population, options: Required<SchedulerOptions>) {
    this.#population = population;
    this.#options = options;
    this.#budget = new PromptBudget(options.laneCount, options.targetItlMs);
  }

  /** Whether the last micro-batch left somebody waiting for want of blocks. */
  get blocksAreScarce(): boolean {
    return this.#blocksAreScarce;
  }

  /** Whether a sequence waits for a block that only another's end, or throwing another out, can give it. */
  get rowsLackBlocks(): boolean {
    return this.#rowsLackBlocks;
  }

  /** How long a sequence waits for its next token now, ms; undefined before any step was measured. */
  get roundMs(): number | undefined {
    const stepMs = this.#budget.decodeMs(Math.max(1, this.#rowsOfLane()));
    return stepMs === undefined ? undefined : stepMs * this.#options.laneCount;
  }

  /**
   * What a lane should carry now; its slices are in flight from here on.
   * @param before what the lane carries already: its sequences may go on behind it, by tokens that are not known yet
   */
  compose(lane: number, before?: Draft): Draft {
    const draft = new Draft(lane, this.#options.tokenBudget, this.#options.blockSize);
    let enoughBlocks = this.#addDecodes(draft);
    if (before !== undefined) enoughBlocks = this.#addAhead(draft, before) && enoughBlocks;
    this.#rowsLackBlocks = !enoughBlocks;
    const room = this.#promptRoom(draft);
    this.#addPrefills(draft, room);
    this.#blocksAreScarce = !enoughBlocks || !this.#admit(draft, room);
    this.#countHeldBack(draft);
    return draft;
  }

  /** Learns how long a micro-batch took. */
  observe(sample: StepSample): void {
    this.#budget.observe(sample);
  }

  /** Forgets step times and a static batch under way, which were the old epoch's. */
  startEpoch(options: Required<SchedulerOptions>): void {
    this.#options = options;
    this.#budget = new PromptBudget(options.laneCount, options.targetItlMs);
    this.#placesInBatch = 0;
  }

  /** False when a sequence found no block: then nothing should be admitted. */
  #addDecodes(draft: Draft): boolean {
    const { ready } = this.#population;
    const rows = Math.min(this.#rowsOfLane(), draft.tokensLeft);
    let enoughBlocks = true;
    let node = ready.head;
    for (let visited = 0; node !== undefined && visited < rows; visited++) {
      const sequence: Sequence = node.item;
      let following: ListNode<Sequence> | undefined = node.next;
      const hasBlock: boolean =
        this.#population.hasBlockForNext(sequence) || (enoughBlocks && this.#population.grow(sequence));
      enoughBlocks &&= hasBlock;
      // Growing may have thrown out the one that was to follow, or, as the most junior, this one itself.
      if (node.list === ready) following = node.next;
      if (hasBlock) draft.addSlice(sequence, 1);
      node = following;
    }
    return enoughBlocks;
  }

  /** After those that are ready, which have waited longer. False when a sequence found no block. */
  #addAhead(draft: Draft, before: Draft): boolean {
    let enoughBlocks = true;
    for (const sequence of before.sampled()) {
      if (draft.tokensLeft === 0) return enoughBlocks;
      if (!sequence.goesOn) continue;
      const hasBlock: boolean =
        this.#population.hasBlockForNext(sequence) || this.#population.growIfFree(sequence);
      enoughBlocks &&= hasBlock;
      if (hasBlock) draft.addAhead(sequence);
    }
    return enoughBlocks;
  }

  /** An even share of the sequences that decode or, with all of their prompt sent, are about to. */
  #rowsOfLane(): number {
    const { running, prefilling } = this.#population;
    return Math.ceil((running.size - prefilling.size) / this.#options.laneCount);
  }

  /** How many tokens of prompts the micro-batch is to carry. */
  #promptRoom(draft: Draft): number {
    const { running, prefilling, waiting } = this.#population;
    const { maxSequences, maxWaitingTokens, laneCount } = this.#options;
    if (this.#heldBack > maxWaitingTokens * laneCount) return draft.tokensLeft;
    return this.#budget.tokens({
      decodeRows: draft.decodeRows,
      decoding: running.size - prefilling.size,
      prompts: prefilling.size + Math.min(waiting.size, maxSequences - running.size),
      pendingTokens: this.#population.prefillingTokens + waiting.tokens,
      tokensLeft: draft.tokensLeft,
    });
  }

  #addPrefills(draft: Draft, room: number): void {
    const { prefilling } = this.#population;
    for (let node = prefilling.head; node !== undefined; node = prefilling.head) {
      const sequence = node.item;
      const remaining = sequence.length - sequence.scheduled;
      const count = pieceOf(remaining, draft, room);
      if (count > 0) this.#population.addPrefill(draft, sequence, count);
      if (count < remaining) return;
    }
  }

  /** False when somebody found not enough blocks. */
  #admit(draft: Draft, room: number): boolean {
    const { running, waiting, prefilling } = this.#population;
    this.#openStaticBatch();
    while (prefilling.size === 0 && running.size < this.#options.maxSequences) {
      const sequence = waiting.peek();
      if (sequence === undefined || !this.#isTaken()) return true;
      // Whatever is opened has a slice in the same micro-batch.
      if (pieceOf(sequence.length, draft, room) === 0) return true;
      const prefix = this.#population.admit(sequence);
      if (prefix === undefined) {
        this.#placesInBatch = 0;
        return false;
      }
      this.#placesInBatch--;
      draft.addOpening(sequence, prefix);
      const count = pieceOf(sequence.length - sequence.scheduled, draft, room);
      this.#population.addPrefill(draft, sequence, count);
    }
    return true;
  }

  #openStaticBatch(): void {
    const { running, waiting } = this.#population;
    if (running.size === 0) this.#placesInBatch = Math.min(waiting.size, this.#options.maxSequences);
  }

  #isTaken(): boolean {
    return this.#options.batching === "continuous" || this.#placesInBatch > 0;
  }

  /** Whether, beside running rows, somebody waits whom nothing but the budget keeps out. */
  #countHeldBack(draft: Draft): void {
    const { running, waiting } = this.#population;
    const keptOut =
      waiting.size > 0 &&
      running.size < this.#options.maxSequences &&
      !this.#blocksAreScarce &&
      this.#isTaken() &&
      this.#heldBack <= this.#options.maxWaitingTokens * this.#options.laneCount;
    if (!keptOut) this.#heldBack = 0;
    else if (draft.decodeRows > 0) this.#heldBack++;
  }
}

/**
 * How much of a prompt goes into a micro-batch that is to carry `room` prompt tokens: nothing when what is left is
 * a small piece of that, a little more than is left when that ends the prompt.
 */
function pieceOf(remaining: number, draft: Draft, room: number): number {
  const left = Math.min(room - draft.prefillTokens, draft.tokensLeft);
  if (left <= 0) return 0;
  if (remaining <= Math.min(left * 1.25, draft.tokensLeft)) return remaining;
  const isSmall = draft.prefillTokens > 0 && left < Math.min(leastPieceTokens, room / 3);
  return isSmall ? 0 : left;
}
