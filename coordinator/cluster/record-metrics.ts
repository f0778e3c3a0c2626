import type { Metrics } from "../../common/metrics.js";
import type { ActivityClock } from "../pipeline/activity-clock.js";
import type { PipelineObserver } from "../pipeline/pipeline.js";
import type { ReplicaSet } from "./replica-set.js";
import type { WorkerRegistry } from "./worker-registry.js";

/** Carries what workers report and the schedulers count over to the metrics, at every heartbeat. */
export function recordClusterMetrics(metrics: Metrics, registry: WorkerRegistry, replicas: ReplicaSet): void {
  let counted = 0;
  registry.on("heartbeat", ({ hello, stage, shares }) => {
    const place = replicas.placeOf(hello.workerId);
    if (place !== undefined && stage?.times) {
      const labels = {
        stage: place.stageIndex,
        worker: hello.workerId,
        ...(place.replica !== undefined && { replica: place.replica }),
      };
      metrics.setStageTimes(labels, stage.times);
      metrics.setStageBubble(labels, shares.current().bubble);
      metrics.setStageHop(labels, {
        p50Seconds: stage.hopP50Us / 1e6,
        p99Seconds: stage.hopP99Us / 1e6,
      });
    }
    const { running, waiting, blocksUsed, blocksTotal, preemptions } = replicas.counts;
    metrics.setRequests(running, waiting);
    metrics.setKvCacheUsage(blocksTotal === 0 ? 0 : blocksUsed / blocksTotal);
    metrics.setInFlight(replicas.totalInFlightMs / 1000);
    for (const { opened, replica } of replicas.pipelines) {
      const label = replicas.pipelines.length > 1 ? replica : undefined;
      for (const [lane, occupancy] of (opened?.scheduler.snapshot().lanes ?? []).entries())
        metrics.setLane(lane, occupancy, label);
    }
    // A new pipeline counts from zero.
    metrics.countPreemptions(preemptions >= counted ? preemptions - counted : preemptions);
    counted = preemptions;
  });
}

/** The pipeline's part of the metrics. */
export function metricsObserver(metrics: Metrics): PipelineObserver {
  return {
    onStep: ({ promptTokens, generatedTokens }) => metrics.observeIteration(promptTokens + generatedTokens),
    onRequestEnd: ({ queuedMs }) => {
      if (queuedMs !== undefined) metrics.observeQueueTime(queuedMs / 1000);
    },
  };
}
