/**
 * Remembers which blocks of tokens a replica has read lately, so that a prompt with the same beginning can be
 * sent where its KV probably is. A block is known by a hash of its tokens and all before it; the least recently
 * used are forgotten. A wrong guess costs a prefill, nothing else.
 */
export class PrefixIndex {
  readonly #capacity: number;
  /** In the order of last use. */
  readonly #blocks = new Set<number>();

  /** @param capacity blocks remembered; as many as the replica's cache holds is right */
  constructor(capacity: number) {
    this.#capacity = Math.max(1, capacity);
  }

  get size(): number {
    return this.#blocks.size;
  }

  /** How many of a prompt's leading blocks are known. */
  match(hashes: readonly number[]): number {
    const unknown = hashes.findIndex((hash) => !this.#blocks.has(hash));
    return unknown < 0 ? hashes.length : unknown;
  }

  /** Takes a prompt's blocks as just used; its beginning is kept longest. */
  add(hashes: readonly number[]): void {
    for (const hash of hashes.toReversed()) {
      this.#blocks.delete(hash);
      this.#blocks.add(hash);
    }
    for (const hash of this.#blocks) {
      if (this.#blocks.size <= this.#capacity) break;
      this.#blocks.delete(hash);
    }
  }

  clear(): void {
    this.#blocks.clear();
  }
}

/** A hash for each full block of a prompt, over all tokens up to the block's end; 53 bits. */
export function blockHashes(tokens: Uint32Array, blockSize: number): number[] {
  const hashes: number[] = [];
  let high = 0x9e37_79b9;
  let low = 0x85eb_ca6b;
  const end = tokens.length - (tokens.length % blockSize);
  for (let index = 0; index < end; index++) {
    const token = tokens[index] as number;
    high = Math.imul(high ^ token, 0x2c1b_3c6d);
    high ^= high >>> 15;
    low = Math.imul(low ^ Math.imul(token + 1, 0x297a_2d39), 0x1656_67b1);
    low ^= low >>> 13;
    if ((index + 1) % blockSize === 0) hashes.push((high >>> 11) * 2 ** 32 + (low >>> 0));
  }
  return hashes;
}
