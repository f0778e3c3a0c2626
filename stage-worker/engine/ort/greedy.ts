import type { SamplingParameters } from "../stage-runner.js";

/** True when no more than the best `count` tokens decide what a sequence draws. */
export function drawsFromBest(sampling: SamplingParameters, count: number): boolean {
  return (
    isPlainGreedy({ ...sampling, temperature: 0 }) &&
    sampling.temperature > 0 &&
    sampling.topK > 0 &&
    sampling.topK <= count
  );
}

/** True when a sequence takes the most likely token as it is, so that no logits have to leave the graph. */
export function isPlainGreedy(sampling: SamplingParameters): boolean {
  return (
    sampling.temperature === 0 &&
    sampling.repetitionPenalty === 1 &&
    sampling.presencePenalty === 0 &&
    sampling.frequencyPenalty === 0 &&
    sampling.logitBias.size === 0 &&
    sampling.suppressedTokenIds.length === 0 &&
    !sampling.wantLogprobs
  );
}
