import type { Metrics } from "../../common/metrics.js";
import type { PipelineObserver } from "../pipeline/pipeline.js";
import type { PipelineSession } from "./pipeline-session.js";
import type { ReplicaSet } from "./replica-set.js";
import type { WorkerRegistry } from "./worker-registry.js";

/** Carries what workers report and the schedulers count over to the metrics, at every heartbeat. */
export function recordClusterMetrics(metrics: Metrics, registry: WorkerRegistry, replicas: ReplicaSet): void {
  const countEvents = replicas.pipelines.map((pipeline) => eventCounter(metrics, pipeline));
  registry.on("heartbeat", ({ hello, stage, shares, eventLoop }) => {
    if (eventLoop !== undefined) metrics.setWorkerEventLoop(hello.workerId, eventLoop);
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
    const { running, waiting, blocksUsed, blocksTotal, blocksCached } = replicas.counts;
    metrics.setRequests(running, waiting);
    metrics.setKvCacheUsage(blocksTotal === 0 ? 0 : blocksUsed / blocksTotal);
    metrics.setCachedBlocks(blocksCached);
    metrics.setInFlight(replicas.totalInFlightMs / 1000);
    metrics.setLanes(replicas.lanes);
    for (const count of countEvents) count();
  });
}

function eventCounter(metrics: Metrics, pipeline: PipelineSession): () => void {
  const preemptions = increase();
  const queries = increase();
  const hits = increase();
  return () => {
    const snapshot = pipeline.opened?.scheduler.snapshot();
    metrics.countPreemptions(preemptions(snapshot?.preemptions ?? 0));
    metrics.countPrefixCache(queries(snapshot?.prefixQueries ?? 0), hits(snapshot?.prefixHits ?? 0));
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
    onStep: ({ promptTokens, generatedTokens, sentAhead }) =>
      metrics.observeIteration(promptTokens + generatedTokens, sentAhead),
    onRequestEnd: ({ queuedMs }) => {
      if (queuedMs !== undefined) metrics.observeQueueTime(queuedMs / 1000);
    },
  };
}
