import { type EventLoopUtilization, performance } from "node:perf_hooks";

/** How busy a thread's event loop is. */
export interface EventLoopUse {
  /** Share of the last whole second of the watch in which it did not wait, 0 to 1. */
  readonly utilization: number;
  /** Milliseconds since the thread's start in which it did not wait; only grows. */
  readonly activeMs: number;
}

const sampleEveryMs = 1_000;

/** Watches the event loop of the thread that it is made in, as `perf_hooks` accounts for it. */
export class EventLoopWatch {
  readonly #read: () => EventLoopUtilization;
  readonly #timer: NodeJS.Timeout;
  #before: EventLoopUtilization;
  #utilization = 0;

  /** `read` is a seam for tests. */
  constructor(read: () => EventLoopUtilization = () => performance.eventLoopUtilization()) {
    this.#read = read;
    this.#before = read();
    this.#timer = setInterval(() => this.#sample(), sampleEveryMs);
    this.#timer.unref();
  }

  get use(): EventLoopUse {
    return { utilization: this.#utilization, activeMs: this.#read().active };
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #sample(): void {
    const now = this.#read();
    const active = now.active - this.#before.active;
    const all = active + now.idle - this.#before.idle;
    if (all > 0) this.#utilization = active / all;
    this.#before = now;
  }
}
