import { StagecoachError } from "../../../common/errors.js";
import type { SequenceClosing, SequenceOpening } from "../stage-runner.js";
import type { KvPlanes } from "./kv-planes.js";
import type { KvRows } from "./kv-rows.js";

/** What the blocks of sequences are, see SequenceLedger. */
export interface BlockTables {
  /** Blocks of an open sequence, in order of position. */
  blocks(sequenceId: number): readonly number[];
  /** An open sequence that holds a block; at the same position of the table as any other. */
  holderOf(block: number, besides?: number): number | undefined;
}

/** Neighbours that are copied together: each copy makes a view a layer and kind of KV. */
export const segmentBlocks = 16;

/** A segment with fewer blocks in use than this share is copied anew without the others. */
const leastShareInUse = 0.75;

/** Blocks that were neighbours in a sequence, one after another in one row. */
interface Segment {
  readonly planes: KvPlanes;
  readonly blocks: Set<number>;
}

/** Where a block's KV is. */
interface Place {
  readonly segment: Segment;
  readonly token: number;
}

/** Tokens to read, one after another in one place. */
interface Stretch {
  readonly source: KvPlanes | number;
  readonly token: number;
  tokens: number;
}

/**
 * The KV of blocks whose sequences are over, as compact copies. Open sequences have theirs in rows: a prefix that
 * is shared is copied into the row of each, since attention reads rows.
 */
export class KeptBlocks {
  readonly #blockSize: number;
  readonly #kv: KvRows;
  readonly #tables: BlockTables;
  readonly #places = new Map<number, Place>();

  constructor(blockSize: number, kv: KvRows, tables: BlockTables) {
    this.#blockSize = blockSize;
    this.#kv = kv;
    this.#tables = tables;
  }

  /** Bytes of all copies, with those of blocks that share a segment with others and are no longer kept. */
  get sizeBytes(): number {
    const segments = new Set(Array.from(this.#places.values(), ({ segment }) => segment));
    return [...segments].reduce((bytes, { planes }) => bytes + planes.sizeBytes, 0);
  }

  /** Gives a sequence that was just opened the KV of its cached tokens. */
  load(opening: SequenceOpening): void {
    for (const { source, token, tokens } of this.#stretches(opening)) {
      if (typeof source === "number") this.#kv.appendShared(opening.sequenceId, source, token, tokens);
      else this.#kv.appendPlanes(opening.sequenceId, source, token, tokens);
    }
  }

  /** Copies what is to outlive a sequence; it must still be open. */
  keep({ sequenceId, keptBlocks }: SequenceClosing): void {
    const blocks = this.#tables.blocks(sequenceId).slice(0, keptBlocks);
    for (let from = 0, to = 0; from < blocks.length; from = Math.max(to, from + 1)) {
      for (to = from; to < blocks.length && to < from + segmentBlocks; to++) {
        if (this.#places.has(blocks[to] as number)) break;
      }
      if (to === from) continue;
      const [token, tokens] = [from * this.#blockSize, (to - from) * this.#blockSize];
      this.#place(blocks.slice(from, to), this.#kv.copyTokens(sequenceId, token, tokens));
    }
  }

  /** Forgets blocks that are written anew. */
  drop(blocks: readonly number[]): void {
    const touched = new Set<Segment>();
    for (const block of blocks) {
      const segment = this.#places.get(block)?.segment;
      if (segment === undefined) continue;
      this.#places.delete(block);
      segment.blocks.delete(block);
      touched.add(segment);
    }
    for (const segment of touched) this.#compact(segment);
  }

  /** A copy of a block's KV, wherever it is. */
  copy(block: number): KvPlanes {
    const place = this.#places.get(block);
    if (place !== undefined) return place.segment.planes.gather([place.token], this.#blockSize);
    const holder = this.#tables.holderOf(block);
    if (holder === undefined) throw new StagecoachError("INTERNAL", `block ${block} has no KV at this stage`);
    const token = this.#tables.blocks(holder).indexOf(block) * this.#blockSize;
    return this.#kv.copyTokens(holder, token, this.#blockSize);
  }

  /** Takes KV of blocks that nobody holds: so many tokens each, one block after another in the first row. */
  put(blocks: readonly number[], planes: KvPlanes): void {
    this.drop(blocks);
    this.#place(blocks, planes);
  }

  #place(blocks: readonly number[], planes: KvPlanes): void {
    const segment: Segment = { planes, blocks: new Set(blocks) };
    for (const [index, block] of blocks.entries()) {
      this.#places.set(block, { segment, token: index * this.#blockSize });
    }
  }

  #compact({ planes, blocks }: Segment): void {
    const held = planes.capacity / this.#blockSize;
    if (blocks.size === 0 || blocks.size >= leastShareInUse * held) return;
    const kept = [...blocks];
    const tokens = kept.map((block) => (this.#places.get(block) as Place).token);
    this.#place(kept, planes.gather(tokens, this.#blockSize));
  }

  #stretches({ sequenceId, cachedLength, cachedBlocks }: SequenceOpening): Stretch[] {
    const stretches: Stretch[] = [];
    for (const [index, block] of cachedBlocks.entries()) {
      const position = index * this.#blockSize;
      const place = this.#places.get(block);
      const source = place?.segment.planes ?? this.#tables.holderOf(block, sequenceId);
      if (source === undefined) throw missing(sequenceId, block);
      const token = place?.token ?? position;
      const tokens = Math.min(this.#blockSize, cachedLength - position);
      const last = stretches.at(-1);
      if (last?.source === source && last.token + last.tokens === token) last.tokens += tokens;
      else stretches.push({ source, token, tokens });
    }
    return stretches;
  }
}

function missing(sequenceId: number, block: number): StagecoachError {
  return new StagecoachError("INTERNAL", `sequence ${sequenceId} opens on block ${block}, whose KV is gone`);
}
