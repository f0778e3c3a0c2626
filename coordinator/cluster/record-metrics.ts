import type { Metrics } from "../../common/metrics.js";
import type { ActivityClock } from "../pipeline/activity-clock.js";
import type { PipelineObserver } from "../pipeline/pipeline.js";
import type { Session } from "./session.js";
import type { WorkerRegistry } from "./worker-registry.js";

/** Carries what workers report and the scheduler counts over to the metrics, at every heartbeat. */
export function recordClusterMetrics(
  metrics: Metrics,
  registry: WorkerRegistry,
  session: Session,
  activity: ActivityClock,
): void {
  let preemptions = 0;
  registry.on("heartbeat", ({ hello, stage, shares }) => {
    const { state } = session;
    const index =
      "plan" in state ? state.plan.stages.findIndex((each) => each.workerId === hello.workerId) : -1;
    if (index >= 0 && stage?.times) {
      metrics.setStageTimes(index, hello.workerId, stage.times);
      metrics.setStageBubble(index, hello.workerId, shares.current().bubble);
      metrics.setStageHop(index, hello.workerId, {
        p50Seconds: stage.hopP50Us / 1e6,
        p99Seconds: stage.hopP99Us / 1e6,
      });
    }
    metrics.setInFlight(activity.totalMs() / 1000);
    const snapshot = session.opened?.scheduler.snapshot();
    for (const [lane, occupancy] of (snapshot?.lanes ?? []).entries()) metrics.setLane(lane, occupancy);
    metrics.setRequests(snapshot?.running ?? 0, snapshot?.waiting ?? 0);
    metrics.setKvCacheUsage(snapshot === undefined ? 0 : snapshot.blocksUsed / snapshot.blocksTotal);
    // A new pipeline counts from zero.
    const total = snapshot?.preemptions ?? 0;
    metrics.countPreemptions(total >= preemptions ? total - preemptions : total);
    preemptions = total;
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
