import type { ClusterStatus__Output } from "../../proto/gen/stagecoach/v1/ClusterStatus.js";
import type { StageTimes__Output } from "../../proto/gen/stagecoach/v1/StageTimes.js";

/** What a stage did with a short time; the shares sum to 1. */
export interface StageMoment {
  /** When it ended, ms on the reader's clock. */
  readonly atMs: number;
  readonly busy: number;
  readonly waitIn: number;
  readonly waitOut: number;
  readonly send: number;
}

/** How long is remembered. */
export const historyMs = 60_000;

/** What every stage did in the last minute, from the totals that each status tells. */
export class StageHistory {
  readonly #lastTimes = new Map<string, StageTimes__Output>();
  readonly #moments = new Map<string, StageMoment[]>();

  /** Takes a status; stages that told nothing new since the last one get no moment. */
  add({ workers }: ClusterStatus__Output, atMs: number): void {
    for (const { workerId, stage } of workers) {
      const times = stage?.times;
      if (!times) continue;
      const moment = momentOf(this.#lastTimes.get(workerId), times, atMs);
      this.#lastTimes.set(workerId, times);
      const moments = this.#moments.get(workerId) ?? [];
      if (moment !== undefined) moments.push(moment);
      while ((moments[0]?.atMs ?? atMs) < atMs - historyMs) moments.shift();
      this.#moments.set(workerId, moments);
    }
  }

  /** Oldest first. */
  of(workerId: string): readonly StageMoment[] {
    return this.#moments.get(workerId) ?? [];
  }
}

function momentOf(
  before: StageTimes__Output | undefined,
  after: StageTimes__Output,
  atMs: number,
): StageMoment | undefined {
  if (before === undefined) return undefined;
  const spanMs = total(after) - total(before);
  // Totals that shrank are of a stage that was loaded anew.
  if (spanMs <= 0) return undefined;
  const share = (key: keyof StageTimes__Output): number => (after[key] - before[key]) / spanMs;
  return {
    atMs,
    busy: share("busyMs"),
    waitIn: share("waitInMs"),
    waitOut: share("waitOutMs"),
    send: share("sendMs"),
  };
}

function total({ busyMs, waitInMs, waitOutMs, sendMs }: StageTimes__Output): number {
  return busyMs + waitInMs + waitOutMs + sendMs;
}
