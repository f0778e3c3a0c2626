import type { SamplingParameters } from "./frame-codec.js";

/** The likeliest token, with no adjustment and nothing told beside it. */
export const greedySampling: SamplingParameters = {
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  presencePenalty: 0,
  frequencyPenalty: 0,
  logitBias: new Map(),
  seed: 0,
  suppressedTokenIds: [],
  suppressedUntilLength: 0,
  wantLogprobs: false,
  topLogprobs: 0,
};
