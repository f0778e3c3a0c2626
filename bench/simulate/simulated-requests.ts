import { greedySampling } from "../../common/greedy-sampling.js";
import type { SchedulerOptions, SequenceRequest } from "../../coordinator/scheduler/types.js";

/** So many requests of one size. */
export interface RequestSizes {
  readonly promptTokens: number;
  readonly outputTokens: number;
}

const blockSize = 16;

/** A greedy request whose prompt no other one begins with. */
export function simulatedRequest(
  index: number,
  { promptTokens, outputTokens }: RequestSizes,
): SequenceRequest {
  return {
    requestId: `r${index}`,
    promptIds: Uint32Array.from({ length: promptTokens }, (_, at) => (index * 7919 + at) % 32_000),
    sampling: { ...greedySampling, logitBias: [], suppressedTokenIds: [], seed: index },
    maxTokens: outputTokens,
    stopTokenIds: new Set(),
  };
}

/** A scheduler under which all of them live at once. */
export function schedulerFor(
  sequences: number,
  { promptTokens, outputTokens }: RequestSizes,
  laneCount: number,
  tokenBudget: number,
): SchedulerOptions {
  const maxContext = promptTokens + outputTokens;
  return {
    laneCount,
    blockSize,
    blockCount: sequences * (Math.ceil(maxContext / blockSize) + 1),
    maxSequences: sequences,
    tokenBudget,
    maxContext,
    maxWaiting: sequences,
  };
}
