import type { ClusterStatus__Output } from "../proto/gen/stagecoach/v1/ClusterStatus.js";

/** What one stage did with its time between two reports; the four times' shares sum to 1. */
export interface StageShares {
  readonly stageIndex: number;
  readonly workerId: string;
  readonly busy: number;
  readonly waitIn: number;
  readonly waitOut: number;
  readonly send: number;
  /** The part of `waitIn` in which the pipeline had work under way elsewhere. */
  readonly bubble: number;
  /** Of the last hops into the stage. */
  readonly hopP50Ms: number;
  readonly residentBytes: number;
}

/** Compares the stages' totals before and after a run; stages that reported nothing between are left out. */
export function stageShares(before: ClusterStatus__Output, after: ClusterStatus__Output): StageShares[] {
  return after.workers
    .flatMap((worker) => {
      const { workerId, stageIndex, stage, residentBytes } = worker;
      const start = before.workers.find((each) => each.workerId === workerId)?.stage?.times;
      const end = stage?.times;
      if (stageIndex === undefined || !start || !end) return [];
      const spanMs = total(end) - total(start);
      if (spanMs <= 0) return [];
      const idle = 1 - (after.inFlightMs - before.inFlightMs) / spanMs;
      const share = (key: keyof typeof end): number => (end[key] - start[key]) / spanMs;
      return [
        {
          stageIndex,
          workerId,
          busy: share("busyMs"),
          waitIn: share("waitInMs"),
          waitOut: share("waitOutMs"),
          send: share("sendMs"),
          bubble: Math.min(share("waitInMs"), Math.max(0, share("waitInMs") - idle)),
          hopP50Ms: (stage?.hopP50Us ?? 0) / 1000,
          residentBytes,
        },
      ];
    })
    .sort((a, b) => a.stageIndex - b.stageIndex);
}

function total(times: { busyMs: number; waitInMs: number; waitOutMs: number; sendMs: number }): number {
  return times.busyMs + times.waitInMs + times.waitOutMs + times.sendMs;
}
