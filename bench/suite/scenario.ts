import type { ClusterSpec, WithClusters } from "../clusters.js";
import type { LoadRunner } from "../load-runner.js";
import type { MachineState } from "../machine.js";
import type { Column } from "../report.js";
import type { StageShares } from "../stage-shares.js";
import { median, type RunSummary } from "../statistics.js";
import type { YardstickSize } from "../yardstick.js";
import type { Figure } from "./figure.js";

/** What a scenario is run with. */
export interface SuiteContext {
  readonly withClusters: WithClusters;
  /** llama.cpp on the weights of the named model, in as many threads as the stages have together. */
  readonly withYardstick: <Result>(
    model: string,
    size: YardstickSize,
    body: (runner: LoadRunner) => Promise<Result>,
  ) => Promise<Result>;
  /** Whether clusters with static batching can be had. */
  readonly staticBatching: boolean;
  readonly rounds: number;
  /** Lengths of prompts and outputs are multiplied by it; below 1 for a quick try whose figures mean little. */
  readonly scale: number;
  readonly signal: AbortSignal;
  readonly onProgress: (line: string) => void;
}

/** One comparison. */
export interface Scenario {
  /** For `--only`. */
  readonly name: string;
  readonly title: string;
  run(context: SuiteContext): Promise<Measured>;
}

/** What a scenario measured. */
export interface Measured {
  readonly figures: readonly Figure[];
  /** Rounds on each server, where the scenario has any. */
  readonly columns: readonly Column[];
  /** What the stages did in the last round of the first column. */
  readonly stages: readonly StageShares[];
  readonly notes: readonly string[];
}

/** A scenario's result with what it was run on. */
export interface ScenarioResult extends Measured {
  readonly name: string;
  readonly title: string;
  readonly machineBefore: MachineState;
}

/** Two stages of one thread each. */
export const twoStages: ClusterSpec = { name: "two-stages", stages: 2, threads: 1 };
/** The same, but a batch is finished before the next one starts. */
export const staticStages: ClusterSpec = {
  name: "static-batching",
  stages: 2,
  threads: 1,
  batching: "static",
};
/** The whole model in one stage of one thread. */
export const oneThread: ClusterSpec = { name: "one-thread", stages: 1, threads: 1 };
/** The whole model in one stage of two threads. */
export const twoThreads: ClusterSpec = { name: "two-threads", stages: 1, threads: 2 };

/** A length of this run. */
export function scaled({ scale }: SuiteContext, tokens: number): number {
  return Math.max(4, Math.round(tokens * scale));
}

/** The median of a column's rounds; NaN without the column. */
export function medianOf(column: Column | undefined, value: (run: RunSummary) => number): number {
  return median(column?.rounds.map(value) ?? []);
}
