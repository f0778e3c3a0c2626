import { loadavg } from "node:os";
import type { BenchTarget, LoadRun, LoadRunner } from "./load-runner.js";
import type { Column } from "./report.js";
import { type StageShares, stageShares } from "./stage-shares.js";
import type { RequestTimes } from "./statistics.js";
import { takeTurns } from "./take-turns.js";
import type { YardstickSize } from "./yardstick.js";

/** What to measure. */
export interface BenchOptions {
  /** The cluster whose stages are told about. */
  readonly target: BenchTarget;
  /** Its runner, then those to compare with. */
  readonly runners: readonly [LoadRunner, ...LoadRunner[]];
  /** The workload of a round, from 1. */
  readonly runOf: (round: number) => LoadRun;
  /** Requests sent before anything is counted, at every round. */
  readonly warmUp: number;
  readonly rounds: number;
  readonly onProgress: (line: string) => void;
}

/** What came of it. */
export interface BenchResult {
  readonly columns: readonly Column[];
  /** Of the last round, by stage. */
  readonly stages: readonly StageShares[];
  /** Of the last round, in the order of the columns. */
  readonly times: readonly (readonly RequestTimes[])[];
  /** The machine's load average before the start; a busy machine makes figures worthless. */
  readonly loadBefore: number;
}

/** Rounds take turns between ours and the others, so that all see the same machine. */
export async function runBench(options: BenchOptions): Promise<BenchResult> {
  const { target, runners } = options;
  const [loadBefore = 0] = loadavg();
  const [ours] = runners;
  const times = new Map<LoadRunner, readonly RequestTimes[]>();
  let before = await target.status();
  let stages: readonly StageShares[] = [];
  const columns = await takeTurns(runners, {
    ...options,
    onStart: async (runner) => {
      if (runner === ours) before = await target.status();
    },
    onEnd: async (runner, ofRound) => {
      times.set(runner, ofRound);
      if (runner === ours) stages = stageShares(before, await target.status());
    },
  });
  return { columns, stages, times: runners.map((runner) => times.get(runner) ?? []), loadBefore };
}

/** What a yardstick must hold to run it. */
export function sizeOf({ workload, concurrency }: LoadRun): YardstickSize {
  const lengths = workload.map(({ promptIds, outputTokens }) => promptIds.length + outputTokens);
  return { sequences: concurrency, contextTokens: Math.max(...lengths) };
}
