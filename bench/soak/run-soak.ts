import { setTimeout as pause } from "node:timers/promises";
import { StagecoachError } from "../../common/errors.js";
import type { ClusterStatus__Output } from "../../proto/gen/stagecoach/v1/ClusterStatus.js";
import type { BenchTarget } from "../load-runner.js";
import { metricValue } from "../prometheus-text.js";
import { type MemoryTrend, memoryTrends, type SoakSample } from "./memory-series.js";
import { type MixedLoadCounts, type MixedLoadOptions, sendMixedLoad } from "./mixed-load.js";

/** A soak: a mixed load, and how often the cluster is looked at. */
export interface SoakOptions extends MixedLoadOptions {
  readonly sampleEveryMs: number;
  readonly onProgress: (line: string) => void;
}

/** What a soak found. */
export interface SoakResult {
  readonly counts: MixedLoadCounts;
  readonly samples: readonly SoakSample[];
  readonly memory: readonly MemoryTrend[];
  /** What was still held when all requests had ended; empty when nothing was. */
  readonly leaks: readonly string[];
  /** Every process grew by no more than `growthLimit` and nothing leaked. */
  readonly passed: boolean;
}

/** Growth of a process's memory that counts as flat. */
export const growthLimit = 0.05;

/**
 * Loads a cluster for a while and watches memory and blocks.
 * @throws StagecoachError FAILED_PRECONDITION for a target without metrics
 */
export async function runSoak(target: BenchTarget, options: SoakOptions): Promise<SoakResult> {
  const done = new AbortController();
  const samples: SoakSample[] = [];
  const sampling = sampleUntil(target, options, samples, done.signal);
  let counts: MixedLoadCounts;
  try {
    counts = await Promise.race([sendMixedLoad(target, options), sampling.then(() => never())]);
  } finally {
    done.abort();
    await sampling;
  }
  const leaks = await leaksAfter(target);
  const memory = memoryTrends(samples);
  const passed = leaks.length === 0 && memory.every(({ growth }) => growth <= growthLimit);
  return { counts, samples, memory, leaks, passed };
}

async function sampleUntil(
  target: BenchTarget,
  { sampleEveryMs, onProgress, durationMs }: SoakOptions,
  samples: SoakSample[],
  signal: AbortSignal,
): Promise<void> {
  const startedMs = performance.now();
  while (!signal.aborted) {
    const sample = await takeSample(target, performance.now() - startedMs);
    samples.push(sample);
    const megabytes = Object.entries(sample.residentBytes).map(
      ([name, bytes]) => `${name} ${Math.round(bytes / 1e6)} MB`,
    );
    onProgress(
      `${Math.round(sample.atMs / 1000)} of ${Math.round(durationMs / 1000)} s: ${sample.requestsRunning} running, ` +
        `${sample.blocksUsed} blocks; ${megabytes.join(", ")}`,
    );
    // The end of the load may come in the middle of a pause, and need not wait for it.
    await pause(sampleEveryMs, undefined, { signal }).catch(() => undefined);
  }
}

async function takeSample({ status, metrics }: BenchTarget, atMs: number): Promise<SoakSample> {
  if (metrics === undefined)
    throw new StagecoachError("FAILED_PRECONDITION", "the coordinator's HTTP address is not known");
  const [{ workers, blocksUsed, requestsRunning }, text] = await Promise.all([status(), metrics()]);
  return {
    atMs,
    blocksUsed,
    requestsRunning,
    residentBytes: {
      coordinator: metricValue(text, "process_resident_memory_bytes"),
      ...Object.fromEntries(workers.map(({ workerId, residentBytes }) => [workerId, residentBytes])),
    },
  };
}

/** Stages tell what they hold with their heartbeats, so a while passes until all of it is known to be free. */
const settleTimeoutMs = 15_000;
const settlePollMs = 250;

async function leaksAfter(target: BenchTarget): Promise<string[]> {
  const deadlineMs = performance.now() + settleTimeoutMs;
  for (;;) {
    const leaks = leaksOf(await target.status());
    if (leaks.length === 0 || performance.now() >= deadlineMs) return leaks;
    await pause(settlePollMs);
  }
}

/** Blocks that a prefix cache keeps are no leak. */
function leaksOf(status: ClusterStatus__Output): string[] {
  const { requestsRunning, requestsWaiting, blocksUsed, blocksCached, workers } = status;
  const held = [
    [requestsRunning + requestsWaiting, "requests"],
    [blocksUsed, "blocks of the scheduler's"],
    ...workers.flatMap(({ workerId, stage }) =>
      stage === null
        ? []
        : [
            [stage.sequences, `sequences at ${workerId}`] as const,
            [Math.max(0, stage.blocksUsed - blocksCached), `blocks at ${workerId}`] as const,
          ],
    ),
  ] as const;
  return held.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
}

function never(): never {
  throw new StagecoachError("INTERNAL", "the samples ended before the load did");
}
