import { StagecoachError } from "../common/errors.js";
import { type BenchTarget, clusterRunner } from "./load-runner.js";
import { metricValue } from "./prometheus-text.js";
import { type RunSummary, summarize } from "./statistics.js";
import { makeWorkload, warmUpOf } from "./workload.js";

/** What a real coordinator is loaded with. */
export interface CoordinatorLoadOptions {
  /** All at once. */
  readonly requests: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
  readonly signal: AbortSignal;
}

/** What it did with its processor. */
export interface CoordinatorLoad {
  readonly summary: RunSummary;
  /** Cores that each process kept busy during the run; 1 is one whole core. */
  readonly coordinatorCores: number;
  readonly clientCores: number;
  /** Generated tokens a second of the coordinator's processor time, its sockets included. */
  readonly tokensPerCoreSecond: number;
}

/**
 * Loads a coordinator whose workers take no time, over gRPC from this process, and accounts for processor time. The
 * cluster is limited by whoever has no core left, which may be this client or the workers.
 * @throws StagecoachError FAILED_PRECONDITION for a target without metrics
 */
export async function loadCoordinator(
  target: BenchTarget,
  options: CoordinatorLoadOptions,
): Promise<CoordinatorLoad> {
  const { metrics, vocabularySize } = target;
  if (metrics === undefined)
    throw new StagecoachError("FAILED_PRECONDITION", "the coordinator's HTTP address is not known");
  const { requests, signal } = options;
  const runner = clusterRunner("coordinator", target, signal);
  const workload = makeWorkload({ ...options, vocabularySize, seed: 1 });
  await runner.run({ workload: warmUpOf(workload, requests), concurrency: requests });

  const cpuSeconds = async (): Promise<number> => metricValue(await metrics(), "process_cpu_seconds_total");
  const before = { coordinator: await cpuSeconds(), client: process.cpuUsage() };
  const times = await runner.run({ workload, concurrency: requests });
  const summary = summarize(times);
  const coordinatorSeconds = (await cpuSeconds()) - before.coordinator;
  const { user, system } = process.cpuUsage(before.client);
  const seconds = summary.durationMs / 1000;
  return {
    summary,
    coordinatorCores: coordinatorSeconds / seconds,
    clientCores: (user + system) / 1e6 / seconds,
    tokensPerCoreSecond: (requests * options.outputTokens) / coordinatorSeconds,
  };
}
