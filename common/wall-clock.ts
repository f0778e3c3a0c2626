/** Where a wall clock takes its time from; tests give their own. */
export interface ClockSources {
  /** Whole milliseconds since the Unix epoch, as Date.now. */
  dateMs(): number;
  /** Microseconds of the machine's monotonic clock, the same for all its processes. */
  monotonicUs(): number;
}

/** How long a sample of the difference between the two clocks is trusted. */
const windowUs = 10_000_000;

/**
 * Microseconds since the Unix epoch that processes of one machine agree on to a few microseconds.
 * Node shows the wall clock in whole milliseconds, and `performance.timeOrigin + performance.now()` drifts
 * from it by minutes a month while the system clock is being slewed. So every call compares the wall clock
 * with the monotonic one: the wall clock is cut off to the millisecond, hence the greatest difference seen
 * lately is the true one.
 */
export class WallClock {
  readonly #sources: ClockSources;
  #offsetUs = Number.NEGATIVE_INFINITY;
  /** The greatest difference of the window that runs. */
  #nextOffsetUs = Number.NEGATIVE_INFINITY;
  #windowEndUs: number;

  /** Spins for at most a millisecond, until the wall clock ticks. */
  constructor(sources: ClockSources = systemClocks) {
    this.#sources = sources;
    this.#windowEndUs = sources.monotonicUs() + windowUs;
    const startedMs = sources.dateMs();
    while (sources.dateMs() === startedMs) this.nowUs();
    this.nowUs();
  }

  nowUs(): number {
    // In this order, since a thread that is held up in between must not make the difference greater.
    const wallUs = this.#sources.dateMs() * 1000;
    const monotonicUs = this.#sources.monotonicUs();
    const offsetUs = wallUs - monotonicUs;
    this.#nextOffsetUs = Math.max(this.#nextOffsetUs, offsetUs);
    if (monotonicUs >= this.#windowEndUs) {
      this.#offsetUs = this.#nextOffsetUs;
      this.#nextOffsetUs = Number.NEGATIVE_INFINITY;
      this.#windowEndUs = monotonicUs + windowUs;
    }
    this.#offsetUs = Math.max(this.#offsetUs, offsetUs);
    return monotonicUs + this.#offsetUs;
  }
}

/** Whole microseconds of the machine's monotonic clock. */
export function monotonicUs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1_000_000 + Math.floor(nanoseconds / 1000);
}

const systemClocks: ClockSources = { dateMs: Date.now, monotonicUs };
