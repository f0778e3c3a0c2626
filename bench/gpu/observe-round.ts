import { setTimeout as pause } from "node:timers/promises";
import { StagecoachError } from "../../common/errors.js";
import type { ClusterStatus__Output } from "../../proto/gen/stagecoach/v1/ClusterStatus.js";
import type { BenchTarget } from "../load-runner.js";
import { metricValue } from "../prometheus-text.js";
import type { RunSummary } from "../statistics.js";
import type { ClusterRound, ProcessUse, StageRound } from "./gpu-report.js";
import type { GpuSampler } from "./gpu-sampler.js";

/** All that a cluster and this process have done up to an edge of a round. */
export interface Totals {
  readonly atUnixMs: number;
  readonly client: { readonly activeMs: number; readonly cpuSeconds: number };
  /** The coordinator's at that time. */
  readonly metrics: string;
  /** What workers told of that time and of the idle one up to their next heartbeat. */
  readonly status: ClusterStatus__Output;
  /** The coordinator's metrics with the same heartbeats. */
  readonly workerMetrics: string;
}

/**
 * The totals before a round: what it takes to read them comes first.
 * @throws StagecoachError FAILED_PRECONDITION for a target without metrics, and the signal's reason
 */
export async function totalsBefore(target: BenchTarget, signal: AbortSignal): Promise<Totals> {
  const status = await freshStatus(target, signal);
  const metrics = await metricsOf(target);
  return { status, metrics, workerMetrics: metrics, client: ownUse(), atUnixMs: Date.now() };
}

/** The totals after a round: reading them counts no more. */
export async function totalsAfter(target: BenchTarget, signal: AbortSignal): Promise<Totals> {
  const [atUnixMs, client] = [Date.now(), ownUse()];
  const metrics = await metricsOf(target);
  const status = await freshStatus(target, signal);
  return { atUnixMs, client, metrics, status, workerMetrics: await metricsOf(target) };
}

/** What a round came to, by the totals before and after it. */
export function roundOf(
  summary: RunSummary,
  before: Totals,
  after: Totals,
  sampler: GpuSampler | undefined,
): ClusterRound {
  const { durationMs } = summary;
  const gpu = sampler?.between(before.atUnixMs, after.atUnixMs);
  return {
    durationMs,
    wholeTokensPerSecond: summary.outputTokensPerSecond,
    decodeTokensPerSecond: summary.decodeTokensPerSecond,
    prefillTokensPerSecond: summary.prefillTokensPerSecond,
    ttftP50Ms: summary.timeToFirstTokenMs.p50,
    ttftP99Ms: summary.timeToFirstTokenMs.p99,
    interTokenP50Ms: summary.interTokenMs.p50,
    interTokenP99Ms: summary.interTokenMs.p99,
    stages: stagesOf(before, after, durationMs),
    coordinator: coordinatorUse(before, after, durationMs),
    client: {
      eventLoopShare: (after.client.activeMs - before.client.activeMs) / durationMs,
      cpuSeconds: after.client.cpuSeconds - before.client.cpuSeconds,
    },
    ...(gpu !== undefined && { gpu }),
  };
}

const pollEveryMs = 25;

async function metricsOf({ metrics }: BenchTarget): Promise<string> {
  if (metrics !== undefined) return await metrics();
  throw new StagecoachError("FAILED_PRECONDITION", "the coordinator's HTTP address is not known");
}

/** Heartbeats tell what stages have done; a status that came before the next ones would miss a short run's end. */
async function freshStatus(target: BenchTarget, signal: AbortSignal): Promise<ClusterStatus__Output> {
  const startedMs = performance.now();
  for (;;) {
    const status = await target.status();
    const sinceMs = performance.now() - startedMs;
    if (status.workers.every(({ lastHeartbeatAgeMs }) => lastHeartbeatAgeMs < sinceMs)) return status;
    await pause(pollEveryMs, undefined, { signal });
  }
}

function stagesOf(before: Totals, after: Totals, durationMs: number): StageRound[] {
  return after.status.workers
    .flatMap(({ workerId, stageIndex, stage }): StageRound[] => {
      const start = before.status.workers.find((worker) => worker.workerId === workerId)?.stage?.times;
      if (stageIndex === undefined || !stage?.times || !start) return [];
      return [
        {
          stageIndex,
          workerId,
          busyShare: (stage.times.busyMs - start.busyMs) / durationMs,
          sendShare: (stage.times.sendMs - start.sendMs) / durationMs,
          hopP50Ms: stage.hopP50Us / 1000,
          hopP99Ms: stage.hopP99Us / 1000,
          eventLoopShare:
            (1000 * (workerActive(after, workerId) - workerActive(before, workerId))) / durationMs,
        },
      ];
    })
    .sort((a, b) => a.stageIndex - b.stageIndex);
}

const activeSeconds = "stagecoach_event_loop_active_seconds_total";

function workerActive({ workerMetrics }: Totals, worker: string): number {
  return metricValue(workerMetrics, activeSeconds, { process: "worker", worker });
}

function coordinatorUse(before: Totals, after: Totals, durationMs: number): ProcessUse {
  const increase = (name: string, labels?: Record<string, string>): number =>
    metricValue(after.metrics, name, labels) - metricValue(before.metrics, name, labels);
  return {
    eventLoopShare: (1000 * increase(activeSeconds, { process: "coordinator" })) / durationMs,
    cpuSeconds: increase("process_cpu_seconds_total"),
  };
}

function ownUse(): Totals["client"] {
  const { user, system } = process.cpuUsage();
  return { activeMs: performance.eventLoopUtilization().active, cpuSeconds: (user + system) / 1e6 };
}
