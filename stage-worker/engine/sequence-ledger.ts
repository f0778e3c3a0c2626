import { StagecoachError } from "../../common/errors.js";
import type { RaggedBatch, SequenceOpening } from "./stage-runner.js";

/** Limits that a ledger holds batches to; see RunnerOptions. */
export interface LedgerLimits {
  readonly blockSize: number;
  readonly blockCount: number;
  readonly maxSequences: number;
  readonly maxContext: number;
}

interface LedgerEntry {
  readonly opening: SequenceOpening;
  readonly blocks: number[];
  length: number;
}

/**
 * Which sequences a stage holds, how long they are and which blocks they own, without any KV. It refuses
 * what a real cache could not compute, and a refused batch changes nothing.
 */
export class SequenceLedger {
  readonly #limits: LedgerLimits;
  readonly #sequences = new Map<number, LedgerEntry>();
  readonly #owners = new Map<number, number>();

  constructor(limits: LedgerLimits) {
    this.#limits = limits;
  }

  /**
   * @throws StagecoachError ALREADY_EXISTS for a known sequence, RESOURCE_EXHAUSTED beyond maxSequences
   */
  open(openings: readonly SequenceOpening[]): void {
    const { maxSequences } = this.#limits;
    const ids = new Set(openings.map(({ sequenceId }) => sequenceId));
    const known = openings.find(({ sequenceId }) => this.#sequences.has(sequenceId));
    if (known !== undefined || ids.size < openings.length) {
      throw new StagecoachError(
        "ALREADY_EXISTS",
        `sequence ${known?.sequenceId ?? [...ids]} is opened twice`,
      );
    }
    if (this.#sequences.size + openings.length > maxSequences) {
      throw new StagecoachError(
        "RESOURCE_EXHAUSTED",
        `opening sequences ${[...ids].join(", ")} makes more than ${maxSequences}; close some first`,
      );
    }
    for (const opening of openings) {
      this.#sequences.set(opening.sequenceId, { opening, blocks: [], length: 0 });
    }
  }

  /**
   * Takes a batch's tokens and blocks into the account.
   * @throws StagecoachError INTERNAL naming the sequence that cannot be computed and why
   */
  advance(batch: RaggedBatch): void {
    const taken = new Set<number>();
    for (const index of batch.sequenceIds.keys()) this.#check(batch, index, taken);
    for (const [index, sequenceId] of batch.sequenceIds.entries()) {
      const entry = this.#sequences.get(sequenceId) as LedgerEntry;
      for (const block of batch.newBlocks[index] ?? []) {
        entry.blocks.push(block);
        this.#owners.set(block, sequenceId);
      }
      entry.length += batch.lengths[index] ?? 0;
    }
  }

  /** Frees sequences; unknown ones are none of its business, since a failed opening is closed too. */
  close(sequenceIds: readonly number[]): void {
    for (const sequenceId of sequenceIds) {
      for (const block of this.#sequences.get(sequenceId)?.blocks ?? []) this.#owners.delete(block);
      this.#sequences.delete(sequenceId);
    }
  }

  opening(sequenceId: number): SequenceOpening | undefined {
    return this.#sequences.get(sequenceId)?.opening;
  }

  usage(): { blocksUsed: number; sequences: number } {
    return { blocksUsed: this.#owners.size, sequences: this.#sequences.size };
  }

  #check(batch: RaggedBatch, index: number, taken: Set<number>): void {
    const { blockSize, blockCount, maxContext } = this.#limits;
    const sequenceId = batch.sequenceIds[index] as number;
    const refuse = (why: string) =>
      new StagecoachError("INTERNAL", `cannot compute sequences ${batch.sequenceIds.join(", ")}: ${why}`);

    const entry = this.#sequences.get(sequenceId);
    if (entry === undefined) throw refuse(`sequence ${sequenceId} was not opened`);
    const context = batch.contextLengths[index] as number;
    if (context !== entry.length) {
      throw refuse(`sequence ${sequenceId} has ${entry.length} tokens in KV, the batch says ${context}`);
    }
    const newBlocks = batch.newBlocks[index] ?? [];
    for (const block of newBlocks) {
      const owner = this.#owners.get(block) ?? (taken.has(block) ? sequenceId : undefined);
      if (owner !== undefined) throw refuse(`block ${block} already belongs to sequence ${owner}`);
      if (block >= blockCount) throw refuse(`block ${block} is beyond the ${blockCount} of this stage`);
      taken.add(block);
    }
    const end = context + (batch.lengths[index] as number);
    if (end > maxContext) throw refuse(`sequence ${sequenceId} reaches ${end} tokens of ${maxContext}`);
    const room = (entry.blocks.length + newBlocks.length) * blockSize;
    if (end > room) throw refuse(`sequence ${sequenceId} reaches ${end} tokens and has blocks for ${room}`);
  }
}
