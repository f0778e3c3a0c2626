import { StagecoachError } from "../common/errors.js";
import { generateLoad, type TokenSource } from "./load-generator.js";
import type { BenchTarget, LoadRun } from "./load-runner.js";
import { metricValue } from "./prometheus-text.js";
import { type RequestTimes, type RunSummary, summarize } from "./statistics.js";
import { makeWorkload, warmUpOf } from "./workload.js";

/** What a real coordinator is loaded with. */
export interface CoordinatorLoadOptions {
  /** All at once. */
  readonly requests: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
  /** The way in. */
  readonly source: TokenSource;
  readonly signal: AbortSignal;
}

/** What it did with its processor. */
export interface CoordinatorLoad {
  readonly summary: RunSummary;
  /** Cores that each process kept busy during the run; 1 is one whole core. */
  readonly coordinatorCores: number;
  readonly clientCores: number;
  /** Time in which its event loop did not wait, microseconds a generated token. */
  readonly eventLoopUsPerToken: number;
  /** Generated tokens a second of the coordinator's processor time, its sockets included. */
  readonly tokensPerCoreSecond: number;
}

/**
 * Loads a coordinator whose workers are simulated, from this process, and accounts for processor time. The cluster is
 * limited by its workers, or, where these take no time, by whoever has no core left, which may be this client.
 * @throws StagecoachError FAILED_PRECONDITION for a target without metrics
 */
export async function loadCoordinator(
  target: BenchTarget,
  options: CoordinatorLoadOptions,
): Promise<CoordinatorLoad> {
  const { requests, outputTokens, source, signal } = options;
  const run = ({ workload, concurrency }: LoadRun): Promise<RequestTimes[]> =>
    generateLoad(workload, source, { concurrency, signal });
  const workload = makeWorkload({ ...options, vocabularySize: target.vocabularySize, seed: 1 });
  await run({ workload: warmUpOf(workload, requests), concurrency: requests });

  const before = { coordinator: await coordinatorUse(target), client: process.cpuUsage() };
  const summary = summarize(await run({ workload, concurrency: requests }));
  const after = await coordinatorUse(target);
  const { user, system } = process.cpuUsage(before.client);
  const seconds = summary.durationMs / 1000;
  const tokens = requests * outputTokens;
  const cpuSeconds = after.cpuSeconds - before.coordinator.cpuSeconds;
  return {
    summary,
    coordinatorCores: cpuSeconds / seconds,
    clientCores: (user + system) / 1e6 / seconds,
    eventLoopUsPerToken: (1e6 * (after.activeSeconds - before.coordinator.activeSeconds)) / tokens,
    tokensPerCoreSecond: tokens / cpuSeconds,
  };
}

async function coordinatorUse({
  metrics,
}: BenchTarget): Promise<{ cpuSeconds: number; activeSeconds: number }> {
  if (metrics === undefined)
    throw new StagecoachError("FAILED_PRECONDITION", "the coordinator's HTTP address is not known");
  const text = await metrics();
  return {
    cpuSeconds: metricValue(text, "process_cpu_seconds_total"),
    activeSeconds: metricValue(text, "stagecoach_event_loop_active_seconds_total", {
      process: "coordinator",
    }),
  };
}
