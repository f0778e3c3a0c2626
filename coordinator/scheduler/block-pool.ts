import { StagecoachError } from "../../common/errors.js";

/**
 * A pipeline's KV blocks, `0 .. blockCount - 1`: who holds them and what they hold. A block may have several
 * holders and is free when the last lets go. A full block may be known by the key of its content; it stays
 * known while free, until it is taken for something else. Free blocks leave by least recent use, those without
 * a key first (as in vLLM's block pool). Every operation takes constant time.
 */
export class BlockPool {
  readonly #holders: Uint32Array;
  readonly #keys: (string | undefined)[];
  readonly #byKey = new Map<string, number>();
  /** The free blocks as a ring through a last, imaginary block; what comes first is taken first. */
  readonly #next: Uint32Array;
  readonly #previous: Uint32Array;
  #freeCount = 0;
  #cachedCount = 0;

  constructor(blockCount: number) {
    this.#holders = new Uint32Array(blockCount);
    this.#keys = new Array(blockCount).fill(undefined);
    this.#next = new Uint32Array(blockCount + 1).fill(blockCount);
    this.#previous = new Uint32Array(blockCount + 1).fill(blockCount);
    for (let id = 0; id < blockCount; id++) this.#addFree(id, blockCount);
  }

  get total(): number {
    return this.#holders.length;
  }

  /** Blocks without a holder, known content or not. */
  get freeCount(): number {
    return this.#freeCount;
  }

  get usedCount(): number {
    return this.total - this.#freeCount;
  }

  /** Free blocks whose content is still known. */
  get cachedCount(): number {
    return this.#cachedCount;
  }

  /** Takes a free block for one holder, and forgets what it held; undefined when there is none. */
  take(): number | undefined {
    if (this.#freeCount === 0) return undefined;
    const id = this.#next[this.total] as number;
    this.#removeFree(id);
    this.#holders[id] = 1;
    this.forget(id);
    return id;
  }

  /**
   * Adds a holder to a block in use, or to a free one whose content is known.
   * @throws StagecoachError INTERNAL for any other.
   */
  share(id: number): void {
    const holders = this.#holders[id];
    if (holders === undefined || (holders === 0 && this.#keys[id] === undefined)) throw this.#notInUse(id);
    if (holders === 0) this.#removeFree(id);
    this.#holders[id] = holders + 1;
  }

  /**
   * Takes a holder from a block in use.
   * @throws StagecoachError INTERNAL when the block is free or does not exist.
   */
  release(id: number): void {
    const holders = this.#holders[id];
    if (holders === undefined || holders === 0) throw this.#notInUse(id);
    this.#holders[id] = holders - 1;
    // The front for what is worth nothing, and the likeliest to be in a processor's cache.
    if (holders === 1) this.#addFree(id, this.#keys[id] === undefined ? this.#next[this.total] : this.total);
  }

  holders(id: number): number {
    return this.#holders[id] ?? 0;
  }

  /** The block with a content, in use or free. */
  find(key: string): number | undefined {
    return this.#byKey.get(key);
  }

  isKnown(id: number): boolean {
    return this.#keys[id] !== undefined;
  }

  /** Makes a content findable; where another block has the same content already, that one stays the known one. */
  learn(id: number, key: string): void {
    if (this.#keys[id] !== undefined || this.#byKey.has(key)) return;
    this.#keys[id] = key;
    this.#byKey.set(key, id);
  }

  /** The content is not to be found any more. */
  forget(id: number): void {
    const key = this.#keys[id];
    if (key === undefined) return;
    this.#byKey.delete(key);
    this.#keys[id] = undefined;
    if (this.#holders[id] === 0) this.#cachedCount--;
  }

  forgetAll(): void {
    this.#byKey.clear();
    this.#keys.fill(undefined);
    this.#cachedCount = 0;
  }

  #addFree(id: number, successor = this.total): void {
    const predecessor = this.#previous[successor] as number;
    this.#next[predecessor] = id;
    this.#previous[id] = predecessor;
    this.#next[id] = successor;
    this.#previous[successor] = id;
    this.#freeCount++;
    if (this.#keys[id] !== undefined) this.#cachedCount++;
  }

  #removeFree(id: number): void {
    const predecessor = this.#previous[id] as number;
    const successor = this.#next[id] as number;
    this.#next[predecessor] = successor;
    this.#previous[successor] = predecessor;
    this.#freeCount--;
    if (this.#keys[id] !== undefined) this.#cachedCount--;
  }

  #notInUse(id: number): StagecoachError {
    return new StagecoachError("INTERNAL", `KV block ${id} of ${this.total} is not in use`);
  }
}
