import type { ClusterStatus__Output } from "../../proto/gen/stagecoach/v1/ClusterStatus.js";
import type { StageHistory } from "./stage-history.js";

/** One sample of `top --json`: what a frame shows, as numbers. Shares are of the time since the last sample. */
export function topSample(status: ClusterStatus__Output, history: StageHistory, nowMs: number) {
  return {
    at: new Date(nowMs).toISOString(),
    state: status.state,
    generationTokensPerSecond: status.generationTokensPerSecond,
    promptTokensPerSecond: status.promptTokensPerSecond,
    requestsRunning: status.requestsRunning,
    requestsWaiting: status.requestsWaiting,
    blocksUsed: status.blocksUsed,
    blocksCached: status.blocksCached,
    blocksTotal: status.blocksTotal,
    prefixQueries: status.prefixQueries,
    prefixHits: status.prefixHits,
    lanes: status.lanes,
    stages: status.workers
      .filter(({ stageIndex }) => stageIndex !== undefined)
      .sort((a, b) => (a.stageIndex ?? 0) - (b.stageIndex ?? 0))
      .map(({ stageIndex, workerId, stage, residentBytes, bubbleShare }) => {
        const { atMs: _, ...shares } = history.of(workerId).at(-1) ?? { atMs: 0 };
        return {
          stageIndex,
          workerId,
          ...shares,
          bubble: bubbleShare,
          hopP50Ms: (stage?.hopP50Us ?? 0) / 1000,
          residentBytes,
        };
      }),
  };
}
