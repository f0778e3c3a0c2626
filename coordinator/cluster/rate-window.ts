/** Counts over the last ten seconds, in buckets of a second. */
export class RateWindow {
  readonly #buckets = new Float64Array(10);
  #second = 0;

  add(count: number, nowMs: number): void {
    this.#advance(nowMs);
    const slot = this.#second % this.#buckets.length;
    this.#buckets[slot] = (this.#buckets[slot] ?? 0) + count;
  }

  /** A second, averaged over the window. */
  perSecond(nowMs: number): number {
    this.#advance(nowMs);
    return this.#buckets.reduce((sum, each) => sum + each, 0) / this.#buckets.length;
  }

  #advance(nowMs: number): void {
    const second = Math.floor(nowMs / 1000);
    const passed = Math.min(second - this.#second, this.#buckets.length);
    for (let step = 1; step <= passed; step++)
      this.#buckets[(this.#second + step) % this.#buckets.length] = 0;
    if (passed > 0) this.#second = second;
  }
}
