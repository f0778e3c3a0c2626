import { StagecoachError } from "../../common/errors.js";
import type { SamplingParameters } from "../../common/frame-codec.js";
import { greedySampling } from "../../common/greedy-sampling.js";

/** Ways to sample that cost a GPU stage differently, on a model of random weights, whose logits are flat. */
export const samplings = {
  greedy: {},
  "top-k": { temperature: 1, topK: 40 },
  temperature: { temperature: 1 },
  /** So sharp that the best tokens decide. */
  "top-p": { temperature: 0.01, topP: 0.9 },
  /** So flat that they do not. */
  "flat-top-p": { temperature: 100, topP: 0.9 },
  logprobs: { temperature: 1, wantLogprobs: true, topLogprobs: 5 },
  /** A bias that changes nothing, but might. */
  logits: { temperature: 1, logitBias: new Map([[0, 1e-30]]) },
} satisfies Record<string, Partial<SamplingParameters>>;

/** @throws StagecoachError INVALID_ARGUMENT for a name that is none of `samplings` */
export function samplingNamed(name: string): SamplingParameters {
  const known: Partial<Record<string, Partial<SamplingParameters>>> = samplings;
  const sampling = known[name];
  if (sampling !== undefined) return { ...greedySampling, seed: 1, ...sampling };
  throw new StagecoachError(
    "INVALID_ARGUMENT",
    `--sampling ${name} is not known: say ${Object.keys(samplings).join(", ")}`,
  );
}
