import { StagecoachError } from "../../common/errors.js";

/**
 * Hands out the ids of a pipeline's KV blocks, `0 .. blockCount - 1`. A block may have several holders; it is
 * free again when the last lets go. Blocks freed last are given first: they are the likeliest to be in a cache.
 */
export class BlockAllocator {
  readonly #holders: Uint32Array;
  /** A stack of the free ids. */
  readonly #free: Uint32Array;
  #freeCount: number;

  constructor(blockCount: number) {
    this.#holders = new Uint32Array(blockCount);
    this.#free = Uint32Array.from({ length: blockCount }, (_, index) => blockCount - 1 - index);
    this.#freeCount = blockCount;
  }

  get total(): number {
    return this.#holders.length;
  }

  get freeCount(): number {
    return this.#freeCount;
  }

  get usedCount(): number {
    return this.total - this.#freeCount;
  }

  /** Takes one free block for one holder; undefined when there is none. */
  take(): number | undefined {
    if (this.#freeCount === 0) return undefined;
    const id = this.#free[--this.#freeCount] as number;
    this.#holders[id] = 1;
    return id;
  }

  /**
   * Adds a holder to a block in use.
   * @throws StagecoachError INTERNAL when the block is free or does not exist.
   */
  share(id: number): void {
    this.#holders[id] = this.#holdersOf(id) + 1;
  }

  /**
   * Takes a holder from a block in use.
   * @throws StagecoachError INTERNAL when the block is free or does not exist.
   */
  release(id: number): void {
    const left = this.#holdersOf(id) - 1;
    this.#holders[id] = left;
    if (left === 0) this.#free[this.#freeCount++] = id;
  }

  #holdersOf(id: number): number {
    const holders = this.#holders[id];
    if (holders === undefined || holders === 0) {
      throw new StagecoachError("INTERNAL", `KV block ${id} of ${this.total} is not in use`);
    }
    return holders;
  }
}
