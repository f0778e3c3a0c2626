import type { StageTimes__Output } from "../../proto/gen/stagecoach/v1/StageTimes.js";

/** Shares of wall time, each 0 to 1; all 0 before two reports came. */
export interface Shares {
  readonly busy: number;
  readonly waitIn: number;
  readonly waitOut: number;
  readonly send: number;
  /**
   * The part of `waitIn` in which the pipeline had work under way elsewhere: 1 less the shares in which it had
   * none and in which the stage computed, waited for the next one or sent. 0 to `waitIn`.
   */
  readonly bubble: number;
}

const windowMs = 10_000;

/** Turns a stage's growing totals into shares over the last ten seconds. */
export class TimeShares {
  #reports: { atMs: number; times: StageTimes__Output; inFlightMs: number }[] = [];

  /**
   * Takes a report; totals that shrank mean that the stage was loaded anew.
   * @param inFlightMs time in which the pipeline had a micro-batch under way, up to now; see `ActivityClock`
   */
  report(times: StageTimes__Output, atMs: number, inFlightMs = 0): void {
    const last = this.#reports.at(-1);
    if (last !== undefined && total(times) < total(last.times)) this.#reports = [];
    this.#reports.push({ atMs, times, inFlightMs });
    while (this.#reports.length > 2 && (this.#reports[1]?.atMs ?? atMs) <= atMs - windowMs)
      this.#reports.shift();
  }

  current(): Shares {
    const first = this.#reports[0];
    const last = this.#reports.at(-1);
    const spanMs = first === undefined || last === undefined ? 0 : total(last.times) - total(first.times);
    if (first === undefined || last === undefined || spanMs <= 0) return noShares;
    const share = (key: keyof StageTimes__Output): number => (last.times[key] - first.times[key]) / spanMs;
    const waitIn = share("waitInMs");
    const idle = 1 - (last.inFlightMs - first.inFlightMs) / spanMs;
    return {
      busy: share("busyMs"),
      waitIn,
      waitOut: share("waitOutMs"),
      send: share("sendMs"),
      bubble: Math.min(waitIn, Math.max(0, waitIn - idle)),
    };
  }
}

const noShares: Shares = { busy: 0, waitIn: 0, waitOut: 0, send: 0, bubble: 0 };

function total(times: StageTimes__Output): number {
  return times.busyMs + times.waitInMs + times.waitOutMs + times.sendMs;
}
