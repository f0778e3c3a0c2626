import type { Metrics } from "../../common/metrics.js";
import type { PipelineObserver } from "../pipeline/pipeline.js";
import type { ClusterCounts, ReplicaSet } from "./replica-set.js";
import type { WorkerRegistry } from "./worker-registry.js";

/** Carries what workers report and the schedulers count over to the metrics, at every heartbeat. */
export function recordClusterMetrics(metrics: Metrics, registry: WorkerRegistry, replicas: ReplicaSet): void {
  const recordCounts = countsRecorder(metrics);
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
    recordCounts(replicas.counts);
    metrics.setInFlight(replicas.totalInFlightMs / 1000);
    for (const { opened, replica } of replicas.pipelines) {
      const label = replicas.pipelines.length > 1 ? replica : undefined;
      for (const [lane, occupancy] of (opened?.scheduler.snapshot().lanes ?? []).entries())
        metrics.setLane(lane, occupancy, label);
    }
  });
}

function countsRecorder(metrics: Metrics): (counts: ClusterCounts) => void {
  const preemptions = increase();
  const queries = increase();
  const hits = increase();
  return (counts) => {
    metrics.setRequests(counts.running, counts.waiting);
    metrics.setKvCacheUsage(counts.blocksTotal === 0 ? 0 : counts.blocksUsed / counts.blocksTotal);
    metrics.setCachedBlocks(counts.blocksCached);
    metrics.countPreemptions(preemptions(counts.preemptions));
    metrics.countPrefixCache(queries(counts.prefixQueries), hits(counts.prefixHits));
  };
}

/** What a count has grown by since it was last looked at; a new pipeline counts from zero. */
function increase(): (total: number) => number {
  let before = 0;
  return (total) => {
    const added = total >= before ? total - before : total;
    before = total;
    return added;
  };
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
