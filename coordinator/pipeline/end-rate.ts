/** What a gap's weight in the mean becomes with each later one. */
const decay = 0.95;
const seconds = { least: 1, most: 60 };

/** How fast requests come to their end, for telling those that are refused when to try again. */
export class EndRate {
  #lastEndMs: number | undefined;
  #gaps = 0;
  #gapMs = 0;

  ended(nowMs: number): void {
    if (this.#lastEndMs !== undefined) {
      this.#gaps = this.#gaps * decay + 1;
      this.#gapMs = this.#gapMs * decay + (nowMs - this.#lastEndMs);
    }
    this.#lastEndMs = nowMs;
  }

  /** Whole seconds in which half of a queue will have moved on, from 1 to 60; 1 before anything is known. */
  secondsFor(waiting: number, nowMs: number): number {
    const sinceLastMs = nowMs - (this.#lastEndMs ?? nowMs);
    const meanMs = this.#gaps === 0 ? 0 : this.#gapMs / this.#gaps;
    const expected = Math.ceil((Math.max(meanMs, sinceLastMs) * waiting) / 2 / 1000);
    return Math.min(Math.max(seconds.least, expected), seconds.most);
  }
}
