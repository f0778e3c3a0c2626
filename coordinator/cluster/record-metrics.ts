import type { Metrics } from "../../common/metrics.js";
import type { PipelineObserver } from "../pipeline/pipeline.js";
import type { ReplicaSet } from "./replica-set.js";
import type { WorkerRegistry } from "./worker-registry.js";

/** Carries what workers report and the schedulers count over to the metrics, at every heartbeat. */
export function recordClusterMetrics(metrics: Metrics, registry: WorkerRegistry, replicas: ReplicaSet): void {
  let counted = 0;
  registry.on("heartbeat", ({ hello, stage }) => {
    const place = replicas.placeOf(hello.workerId);
    if (place !== undefined && stage?.times) {
      const labels = {
        stage: place.stageIndex,
        worker: hello.workerId,
        ...(place.replica !== undefined && { replica: place.replica }),
      };
      metrics.setStageTimes(labels, stage.times);
      metrics.setStageHop(labels, {
        p50Seconds: stage.hopP50Us / 1e6,
        p99Seconds: stage.hopP99Us / 1e6,
      });
    }
    const { running, waiting, blocksUsed, blocksTotal, preemptions } = replicas.counts;
    metrics.setRequests(running, waiting);
    metrics.setKvCacheUsage(blocksTotal === 0 ? 0 : blocksUsed / blocksTotal);
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
