import type { Metrics } from "../../common/metrics.js";
import type { PipelineObserver } from "../pipeline/pipeline.js";
import type { SchedulerSnapshot } from "../scheduler/types.js";
import type { Session } from "./session.js";
import type { WorkerRegistry } from "./worker-registry.js";

/** Carries what workers report and the scheduler counts over to the metrics, at every heartbeat. */
export function recordClusterMetrics(metrics: Metrics, registry: WorkerRegistry, session: Session): void {
  const recordScheduler = schedulerRecorder(metrics);
  registry.on("heartbeat", ({ hello, stage }) => {
    const { state } = session;
    const index =
      "plan" in state ? state.plan.stages.findIndex((each) => each.workerId === hello.workerId) : -1;
    if (index >= 0 && stage?.times) {
      metrics.setStageTimes(index, hello.workerId, stage.times);
      metrics.setStageHop(index, hello.workerId, {
        p50Seconds: stage.hopP50Us / 1e6,
        p99Seconds: stage.hopP99Us / 1e6,
      });
    }
    recordScheduler(session.opened?.scheduler.snapshot());
  });
}

function schedulerRecorder(metrics: Metrics): (snapshot: SchedulerSnapshot | undefined) => void {
  const preemptions = increase();
  const queries = increase();
  const hits = increase();
  return (snapshot) => {
    metrics.setRequests(snapshot?.running ?? 0, snapshot?.waiting ?? 0);
    metrics.setKvCacheUsage(snapshot === undefined ? 0 : snapshot.blocksUsed / snapshot.blocksTotal);
    metrics.setCachedBlocks(snapshot?.blocksCached ?? 0);
    metrics.setLanes(snapshot?.lanes ?? []);
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
    onStep: ({ promptTokens, generatedTokens }) => metrics.observeIteration(promptTokens + generatedTokens),
    onRequestEnd: ({ queuedMs }) => {
      if (queuedMs !== undefined) metrics.observeQueueTime(queuedMs / 1000);
    },
  };
}
