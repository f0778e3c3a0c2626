import { gamma, normal, seededRandom } from "./random.js";
import { randomIds, type WorkloadRequest } from "./workload.js";

/** How a trace is drawn. Equal settings give equal traces. */
export interface TraceOptions {
  readonly seed: number;
  readonly requests: number;
  /** Requests a second in the mean. */
  readonly requestRate: number;
  /** 1 is Poisson; below, arrivals come in bursts; above, more evenly. As `vllm bench serve --burstiness`. */
  readonly burstiness: number;
  readonly meanPromptTokens: number;
  readonly meanOutputTokens: number;
  /** Lengths are cut off there, prompt and output each. */
  readonly maxTokens: number;
  readonly vocabularySize: number;
}

/** Spread of the logarithms of lengths: a heavy tail, as conversations have. */
const promptSigma = 1.1;
const outputSigma = 0.9;

/**
 * Requests of many lengths that arrive over time. Gaps between arrivals are Gamma with shape `burstiness` and mean
 * `1 / requestRate`; lengths are log-normal, `exp(ln(mean) - s²/2 + s·z)` with s = 1.1 for prompts and 0.9 for
 * outputs, so that `mean` is their mean before they are cut to 1 and `maxTokens`.
 */
export function makeTrace(options: TraceOptions): WorkloadRequest[] {
  const random = seededRandom(options.seed);
  const { requests, requestRate, burstiness, maxTokens, vocabularySize } = options;
  const length = (mean: number, sigma: number): number => {
    const drawn = Math.exp(Math.log(mean) - sigma ** 2 / 2 + sigma * normal(random));
    return Math.min(maxTokens, Math.max(1, Math.round(drawn)));
  };
  let arrivalMs = 0;
  return Array.from({ length: requests }, () => {
    arrivalMs += (gamma(burstiness, random) / burstiness / requestRate) * 1000;
    const promptTokens = length(options.meanPromptTokens, promptSigma);
    const outputTokens = length(options.meanOutputTokens, outputSigma);
    return { arrivalMs, promptIds: randomIds(promptTokens, vocabularySize, random), outputTokens };
  });
}
