import type { PipelineObserver } from "./pipeline.js";

/**
 * Adds up the time in which a pipeline has at least one micro-batch under way. A stage that waits for frames in
 * that time is a bubble; one that waits outside of it has simply nothing to do.
 */
export class ActivityClock implements PipelineObserver {
  readonly #now: () => number;
  #totalMs = 0;
  #activeSinceMs: number | undefined;

  /** @param now milliseconds that only grow; defaults to `performance.now` */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  onInFlight(count: number): void {
    if (count > 0) this.#activeSinceMs ??= this.#now();
    else {
      this.#totalMs = this.totalMs();
      this.#activeSinceMs = undefined;
    }
  }

  /** Since this clock was made, milliseconds. */
  totalMs(): number {
    return this.#totalMs + (this.#activeSinceMs === undefined ? 0 : this.#now() - this.#activeSinceMs);
  }
}
