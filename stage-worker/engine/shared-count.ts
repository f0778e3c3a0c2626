/**
 * A count in memory that two threads see: one adds, the other reads. A message for each would wake a thread
 * once a frame; here it is only woken when it waits.
 */
export class SharedCount {
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;

  /** Begins at none, or works on `buffer`, which the other thread made. */
  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(8)) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer);
  }

  /** Modulo 2^32. */
  get count(): number {
    return Atomics.load(this.#words, countWord);
  }

  /** Counts one more; true when the reader waits for it and must be woken. */
  add(): boolean {
    Atomics.add(this.#words, countWord, 1);
    return Atomics.exchange(this.#words, waitingWord, 0) === 1;
  }

  /** The reader says that it waits. It must look at the count once more afterwards. */
  wait(): void {
    Atomics.store(this.#words, waitingWord, 1);
  }
}

const countWord = 0;
const waitingWord = 1;
