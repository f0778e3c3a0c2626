/**
 * Counts, in memory that both threads see, the results that have left the process. A message for each would
 * wake the engine's thread once a frame; here it is only woken when it waits.
 */
export class Departures {
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;

  /** Begins at none, or works on `buffer`, which the other thread made. */
  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(8)) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer);
  }

  /** Results that have left, modulo 2^32. */
  get count(): number {
    return Atomics.load(this.#words, countWord);
  }

  /** Counts one more; true when the engine waits for it and must be woken. */
  add(): boolean {
    Atomics.add(this.#words, countWord, 1);
    return Atomics.exchange(this.#words, waitingWord, 0) === 1;
  }

  /** The engine says that it waits. It must look at the count once more afterwards. */
  wait(): void {
    Atomics.store(this.#words, waitingWord, 1);
  }
}

const countWord = 0;
const waitingWord = 1;
