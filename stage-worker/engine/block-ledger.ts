/**
 * What a stage knows of its KV blocks: how many sequences hold each, and for how many of its tokens KV can be
 * read. A block that nobody holds stays readable when it was kept, until it is taken anew.
 */
export class BlockLedger {
  readonly #blockSize: number;
  readonly #holders: Uint32Array;
  /** Tokens at a block's beginning whose KV is there. */
  readonly #filled: Uint32Array;
  readonly #kept: Uint8Array;
  #heldCount = 0;

  constructor(blockCount: number, blockSize: number) {
    this.#blockSize = blockSize;
    this.#holders = new Uint32Array(blockCount);
    this.#filled = new Uint32Array(blockCount);
    this.#kept = new Uint8Array(blockCount);
  }

  /** Blocks with a holder. */
  get heldCount(): number {
    return this.#heldCount;
  }

  holders(block: number): number {
    return this.#holders[block] ?? 0;
  }

  /** Tokens whose KV can be read; 0 for a block that does not exist. */
  readable(block: number): number {
    return this.#filled[block] ?? 0;
  }

  /** Gives a block that nobody holds to one holder, empty. */
  take(block: number): void {
    this.#kept[block] = 0;
    this.#filled[block] = 0;
    this.#holders[block] = 1;
    this.#heldCount++;
  }

  /** Adds a holder to a readable block. */
  hold(block: number): void {
    const holders = this.holders(block);
    if (holders === 0) this.#heldCount++;
    this.#holders[block] = holders + 1;
  }

  /** Takes a holder away; the last one's block is emptied unless this holder, or one before, keeps it. */
  release(block: number, keep: boolean): void {
    if (keep) this.#kept[block] = 1;
    const left = this.holders(block) - 1;
    this.#holders[block] = left;
    if (left > 0) return;
    this.#heldCount--;
    if (this.#kept[block] === 0) this.#filled[block] = 0;
  }

  /** Nothing can be read of a block that nobody holds. */
  empty(block: number): void {
    this.#kept[block] = 0;
    this.#filled[block] = 0;
  }

  /** All of a block that nobody holds can be read, until it is taken. */
  fill(block: number): void {
    this.#kept[block] = 1;
    this.#filled[block] = this.#blockSize;
  }

  /** Positions [from, to) of a block table are written. */
  write(table: readonly number[], from: number, to: number): void {
    for (let index = Math.floor(from / this.#blockSize); index * this.#blockSize < to; index++) {
      this.#filled[table[index] as number] = Math.min(this.#blockSize, to - index * this.#blockSize);
    }
  }

  /** Nothing of a block table can be read from a position on. */
  spoil(table: readonly number[], from: number): void {
    for (let index = Math.floor(from / this.#blockSize); index < table.length; index++) {
      const block = table[index] as number;
      const before = Math.max(0, from - index * this.#blockSize);
      this.#filled[block] = Math.min(this.readable(block), before);
    }
  }
}
