import type { LoadRun, LoadRunner } from "./load-runner.js";
import type { Column } from "./report.js";
import { type RequestTimes, summarize } from "./statistics.js";
import { warmUpOf } from "./workload.js";

/** How rounds are run. */
export interface TurnOptions {
  readonly rounds: number;
  /** Requests sent before each run that do not count. */
  readonly warmUp: number;
  /** The workload of a round, from 1; the same for all runners. */
  readonly runOf: (round: number) => LoadRun;
  readonly onProgress: (line: string) => void;
  /** Hears each counted run: before it starts and with what came of it. */
  readonly onStart?: (runner: LoadRunner) => Promise<void>;
  readonly onEnd?: (runner: LoadRunner, times: readonly RequestTimes[]) => Promise<void>;
}

/** Runs every round on each runner in turn, so that all see the same machine in the same mood. */
export async function takeTurns(runners: readonly LoadRunner[], options: TurnOptions): Promise<Column[]> {
  const columns = runners.map(({ name }) => ({ name, rounds: [] as ReturnType<typeof summarize>[] }));
  for (let round = 1; round <= options.rounds; round++) {
    const { workload, concurrency } = options.runOf(round);
    for (const [index, runner] of runners.entries()) {
      options.onProgress(`round ${round} of ${options.rounds}: ${runner.name}`);
      if (options.warmUp > 0) await runner.run({ workload: warmUpOf(workload, options.warmUp), concurrency });
      await options.onStart?.(runner);
      const times = await runner.run({ workload, concurrency });
      await options.onEnd?.(runner, times);
      columns[index]?.rounds.push(summarize(times));
    }
  }
  return columns;
}
