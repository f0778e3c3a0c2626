import type { StageTimes__Output } from "../../proto/gen/stagecoach/v1/StageTimes.js";

/** Shares of wall time, each 0 to 1; all 0 before two reports came. */
export interface Shares {
  readonly busy: number;
  readonly waitIn: number;
  readonly waitOut: number;
  readonly send: number;
}

const windowMs = 10_000;

/** Turns a stage's growing totals into shares over the last ten seconds. */
export class TimeShares {
  #reports: { atMs: number; times: StageTimes__Output }[] = [];

  /** Takes a report; totals that shrank mean that the stage was loaded anew. */
  report(times: StageTimes__Output, atMs: number): void {
    const last = this.#reports.at(-1);
    if (last !== undefined && total(times) < total(last.times)) this.#reports = [];
    this.#reports.push({ atMs, times });
    while (this.#reports.length > 2 && (this.#reports[1]?.atMs ?? atMs) <= atMs - windowMs)
      this.#reports.shift();
  }

  current(): Shares {
    const first = this.#reports[0]?.times;
    const last = this.#reports.at(-1)?.times;
    if (first === undefined || last === undefined) return { busy: 0, waitIn: 0, waitOut: 0, send: 0 };
    const spanMs = total(last) - total(first);
    const share = (key: keyof StageTimes__Output): number =>
      spanMs <= 0 ? 0 : (last[key] - first[key]) / spanMs;
    return {
      busy: share("busyMs"),
      waitIn: share("waitInMs"),
      waitOut: share("waitOutMs"),
      send: share("sendMs"),
    };
  }
}

function total(times: StageTimes__Output): number {
  return times.busyMs + times.waitInMs + times.waitOutMs + times.sendMs;
}
