import { StagecoachError } from "../../../common/errors.js";
import type { SequenceClosing, SequenceOpening } from "../stage-runner.js";
import type { KvPlanes } from "./kv-planes.js";
import type { KvRows } from "./kv-rows.js";

/** What the blocks of sequences are, see SequenceLedger. */
export interface BlockTables {
  /** Blocks of an open sequence, in order of position. */
  blocks(sequenceId: number): readonly number[];
  /** An open sequence that holds a block; at the same position of the table as any other. */
  holderOf(block: number, besides: number): number | undefined;
}

/**
 * The KV of blocks whose sequences are over, as compact copies. Open sequences have theirs in rows: a prefix that
 * is shared is copied into the row of each, since attention reads rows.
 */
export class KeptBlocks {
  readonly #blockSize: number;
  readonly #kv: KvRows;
  readonly #tables: BlockTables;
  readonly #copies = new Map<number, KvPlanes>();

  constructor(blockSize: number, kv: KvRows, tables: BlockTables) {
    this.#blockSize = blockSize;
    this.#kv = kv;
    this.#tables = tables;
  }

  get sizeBytes(): number {
    let bytes = 0;
    for (const { sizeBytes } of this.#copies.values()) bytes += sizeBytes;
    return bytes;
  }

  /** Gives a sequence that was just opened the KV of its cached tokens. */
  load({ sequenceId, cachedLength, cachedBlocks }: SequenceOpening): void {
    for (const [index, block] of cachedBlocks.entries()) {
      const token = index * this.#blockSize;
      const tokens = Math.min(this.#blockSize, cachedLength - token);
      const copy = this.#copies.get(block);
      if (copy) this.#kv.appendBlock(sequenceId, copy, tokens);
      else {
        const holder = this.#tables.holderOf(block, sequenceId);
        if (holder === undefined) throw missing(sequenceId, block);
        this.#kv.appendShared(sequenceId, holder, token, tokens);
      }
    }
  }

  /** Copies what is to outlive a sequence; it must still be open. */
  keep({ sequenceId, keptBlocks }: SequenceClosing): void {
    const blocks = this.#tables.blocks(sequenceId).slice(0, keptBlocks);
    for (const [index, block] of blocks.entries()) {
      if (this.#copies.has(block)) continue;
      this.#copies.set(block, this.#kv.copyBlock(sequenceId, index * this.#blockSize, this.#blockSize));
    }
  }

  /** Forgets blocks that are written anew. */
  drop(blocks: readonly number[]): void {
    for (const block of blocks) this.#copies.delete(block);
  }
}

function missing(sequenceId: number, block: number): StagecoachError {
  return new StagecoachError("INTERNAL", `sequence ${sequenceId} opens on block ${block}, whose KV is gone`);
}
