import { StagecoachError } from "../../common/errors.js";
import { BlockLedger } from "./block-ledger.js";
import type { RaggedBatch, SequenceClosing, SequenceOpening } from "./stage-runner.js";

/** Limits that a ledger holds batches to; see RunnerOptions. */
export interface LedgerLimits {
  readonly blockSize: number;
  readonly blockCount: number;
  readonly maxSequences: number;
  readonly maxContext: number;
  /** Whether a sequence may begin inside a block. Defaults to true. */
  readonly beginsInsideBlocks?: boolean;
}

interface LedgerEntry {
  readonly opening: SequenceOpening;
  /** Held, in order of position; those of a cached prefix may have other holders too. */
  readonly blocks: number[];
  length: number;
}

/**
 * Which sequences a stage holds, how long they are and which blocks they hold, without any KV. It refuses
 * what a real cache could not compute, and a refused batch changes nothing.
 */
export class SequenceLedger {
  readonly #limits: LedgerLimits;
  readonly #sequences = new Map<number, LedgerEntry>();
  readonly #blocks: BlockLedger;

  constructor(limits: LedgerLimits) {
    this.#limits = limits;
    this.#blocks = new BlockLedger(limits.blockCount, limits.blockSize);
  }

  /**
   * A refused opening changes nothing.
   * @throws StagecoachError ALREADY_EXISTS for a known sequence, RESOURCE_EXHAUSTED beyond maxSequences,
   * FAILED_PRECONDITION for a cached block whose KV is not here, or a beginning inside a block where there is none
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
    for (const opening of openings) this.#checkCached(opening);
    for (const opening of openings) {
      const { sequenceId, cachedLength, cachedBlocks } = opening;
      // A last block that is partly cached is copied from, not held.
      const blocks = cachedBlocks.slice(0, Math.floor(cachedLength / this.#limits.blockSize));
      for (const block of blocks) this.#blocks.hold(block);
      this.#sequences.set(sequenceId, { opening, blocks, length: cachedLength });
    }
  }

  /**
   * Takes a batch's tokens and blocks into the account.
   * @throws StagecoachError INTERNAL naming the sequence that cannot be computed and why
   */
  advance(batch: RaggedBatch): void {
    const taken = new Map<number, number>();
    for (const index of batch.sequenceIds.keys()) this.#check(batch, index, taken);
    for (const [index, sequenceId] of batch.sequenceIds.entries()) {
      const entry = this.#sequences.get(sequenceId) as LedgerEntry;
      for (const block of batch.newBlocks[index] ?? []) {
        entry.blocks.push(block);
        this.#blocks.take(block);
      }
      const context = entry.length;
      entry.length += batch.lengths[index] ?? 0;
      this.#blocks.write(entry.blocks, context, entry.length);
    }
  }

  /**
   * Says that a batch it took came to nothing, or that these sequences of it did: what the batch was to write of them
   * can be read by nobody.
   */
  spoil(batch: RaggedBatch, failed: readonly number[] = batch.sequenceIds): void {
    for (const [index, sequenceId] of batch.sequenceIds.entries()) {
      if (!failed.includes(sequenceId)) continue;
      const blocks = this.#sequences.get(sequenceId)?.blocks ?? [];
      this.#blocks.spoil(blocks, batch.contextLengths[index] as number);
    }
  }

  /**
   * Frees sequences but for the blocks that are kept; unknown ones are none of its business, since a failed
   * opening is closed too.
   */
  close(closings: readonly SequenceClosing[]): void {
    for (const { sequenceId, keptBlocks } of closings) {
      const blocks = this.#sequences.get(sequenceId)?.blocks ?? [];
      for (const [index, block] of blocks.entries()) this.#blocks.release(block, index < keptBlocks);
      this.#sequences.delete(sequenceId);
    }
  }

  /** @throws StagecoachError FAILED_PRECONDITION for a block that is not full of KV */
  checkFull(blocks: readonly number[]): void {
    const { blockSize } = this.#limits;
    const block = blocks.find((candidate) => this.#blocks.readable(candidate) < blockSize);
    if (block === undefined) return;
    throw new StagecoachError(
      "FAILED_PRECONDITION",
      `cannot export block ${block}: it has KV of ${this.#blocks.readable(block)} of ${blockSize} tokens`,
    );
  }

  /**
   * Empties blocks that are to be filled from elsewhere; a refused call changes nothing.
   * @throws StagecoachError FAILED_PRECONDITION for a block that has a holder, is named twice or does not exist
   */
  vacate(blocks: readonly number[]): void {
    const { blockCount } = this.#limits;
    const seen = new Set<number>();
    for (const block of blocks) {
      const refuse = (why: string) =>
        new StagecoachError("FAILED_PRECONDITION", `cannot import into block ${block}: ${why}`);
      if (!Number.isInteger(block) || block < 0 || block >= blockCount)
        throw refuse(`this stage has ${blockCount}`);
      if (seen.has(block)) throw refuse("it is named twice");
      if (this.#blocks.holders(block) > 0) throw refuse(`sequence ${this.holderOf(block)} holds it`);
      seen.add(block);
    }
    for (const block of blocks) this.#blocks.empty(block);
  }

  /** Says that vacated blocks have been filled: sequences may be opened on them. */
  fill(blocks: readonly number[]): void {
    for (const block of blocks) this.#blocks.fill(block);
  }

  opening(sequenceId: number): SequenceOpening | undefined {
    return this.#sequences.get(sequenceId)?.opening;
  }

  /** Blocks that a sequence holds, in order of position. */
  blocks(sequenceId: number): readonly number[] {
    return this.#sequences.get(sequenceId)?.blocks ?? [];
  }

  /** A sequence, other than `besides`, that holds a block; looks through all of them. */
  holderOf(block: number, besides?: number): number | undefined {
    for (const [sequenceId, { blocks }] of this.#sequences) {
      if (sequenceId !== besides && blocks.includes(block)) return sequenceId;
    }
    return undefined;
  }

  /** Blocks that sequences hold, each counted once, and the sequences. */
  usage(): { blocksUsed: number; sequences: number } {
    return { blocksUsed: this.#blocks.heldCount, sequences: this.#sequences.size };
  }

  #checkCached({ sequenceId, cachedLength, cachedBlocks }: SequenceOpening): void {
    const { blockSize, beginsInsideBlocks = true } = this.#limits;
    const refuse = (why: string) =>
      new StagecoachError("FAILED_PRECONDITION", `cannot open sequence ${sequenceId}: ${why}`);
    if (!beginsInsideBlocks && cachedLength % blockSize > 0) {
      throw refuse(
        `its ${cachedLength} cached tokens end inside a block of ${blockSize}, and this stage begins after whole blocks only`,
      );
    }
    const needed = Math.ceil(cachedLength / blockSize);
    if (cachedBlocks.length !== needed) {
      throw refuse(`${cachedLength} cached tokens take ${needed} blocks, it names ${cachedBlocks.length}`);
    }
    for (const [index, block] of cachedBlocks.entries()) {
      const wanted = Math.min(blockSize, cachedLength - index * blockSize);
      const readable = this.#blocks.readable(block);
      if (readable < wanted) throw refuse(`block ${block} has KV of ${readable} tokens, it needs ${wanted}`);
    }
  }

  #check(batch: RaggedBatch, index: number, taken: Map<number, number>): void {
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
      if (taken.has(block)) throw refuse(`block ${block} already belongs to sequence ${taken.get(block)}`);
      if (block >= blockCount) throw refuse(`block ${block} is beyond the ${blockCount} of this stage`);
      if (this.#blocks.holders(block) > 0) {
        throw refuse(`block ${block} already belongs to sequence ${this.holderOf(block)}`);
      }
      taken.set(block, sequenceId);
    }
    const end = context + (batch.lengths[index] as number);
    if (end > maxContext) throw refuse(`sequence ${sequenceId} reaches ${end} tokens of ${maxContext}`);
    const room = (entry.blocks.length + newBlocks.length) * blockSize;
    if (end > room) throw refuse(`sequence ${sequenceId} reaches ${end} tokens and has blocks for ${room}`);
  }
}
