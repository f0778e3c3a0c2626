import { positionRandom } from "../../sampler/position-random.js";
import type { SamplingParameters, SequenceOpening } from "../stage-runner.js";

/**
 * What of a row's logits decides its token: the largest, all of them, or a part that a GPU computes without handing
 * them out. A part may turn out not to decide; then all are needed.
 */
export type RowNeeds = SureNeeds | PartNeeds;

/** With these a token is certain to be chosen. */
export interface SureNeeds {
  readonly kind: "best" | "logits";
}

export interface PartNeeds {
  readonly kind: "part";
  /** Whether the best tokens are needed beside the largest. */
  readonly top: boolean;
  /** Temperatures at which the vocabulary's weights are summed; no two are the same. */
  readonly temperatures: readonly number[];
  /** In [0, 1): where in the distribution the token is. */
  readonly random: number;
}

export const bestOnly: SureNeeds = { kind: "best" };
export const wholeLogits: SureNeeds = { kind: "logits" };

/**
 * What a sequence's token at `position`, its place in prompt and output together, is chosen from.
 * @param topCount how many of the best tokens a part has
 */
export function rowNeeds(
  { sampling, promptLength }: Pick<SequenceOpening, "sampling" | "promptLength">,
  position: number,
  topCount: number,
): RowNeeds {
  if (isPlainGreedy(sampling)) return bestOnly;
  const { temperature, wantLogprobs, topLogprobs, seed } = sampling;
  if (topLogprobs > topCount) return wholeLogits;
  const adjusted = adjusts(sampling, position - promptLength);
  const choice = adjusted ? adjustedChoiceOf(sampling, topCount) : choiceOf(sampling, topCount);
  if (choice === undefined) return wholeLogits;
  const temperatures = new Set([...(choice.sum ? [temperature] : []), ...(wantLogprobs ? [1] : [])]);
  if (temperature === 0 && !adjusted && temperatures.size === 0) return bestOnly;
  return {
    kind: "part",
    top: choice.top || (wantLogprobs && topLogprobs > 0),
    temperatures: [...temperatures],
    random: positionRandom(seed, position),
  };
}

/** True when a sequence takes the most likely token as it is, whatever was generated before. */
export function isPlainGreedy(sampling: SamplingParameters): boolean {
  return (
    sampling.temperature === 0 &&
    !sampling.wantLogprobs &&
    sampling.suppressedTokenIds.length === 0 &&
    !adjusts(sampling, 0)
  );
}

/** Whether logits are changed before a token is chosen. */
function adjusts(sampling: SamplingParameters, generatedLength: number): boolean {
  return (
    sampling.repetitionPenalty !== 1 ||
    sampling.presencePenalty !== 0 ||
    sampling.frequencyPenalty !== 0 ||
    sampling.logitBias.size > 0 ||
    (sampling.suppressedTokenIds.length > 0 && generatedLength < sampling.suppressedUntilLength)
  );
}

/** Whether the best tokens, the sum of weights, or both decide. */
interface Choice {
  readonly top: boolean;
  readonly sum: boolean;
}

/** Undefined where a part never decides. */
function choiceOf(
  { temperature, topK, topP, minP }: SamplingParameters,
  topCount: number,
): Choice | undefined {
  if (temperature === 0) return { top: false, sum: false };
  if (topK > 0 && topK <= topCount) return { top: true, sum: false };
  // The best are as likely as it takes, however many others top-k would let in.
  if (topP === 1 && minP > 0) return { top: true, sum: false };
  if (topK > 0) return undefined;
  return { top: topP < 1, sum: true };
}

/**
 * As `choiceOf`, where logits are changed first: the best can only tell when none of the others can overtake them and
 * their sum does not matter; some of them are lost (see `adjustPart`).
 */
function adjustedChoiceOf(sampling: SamplingParameters, topCount: number): Choice | undefined {
  const choice = raises(sampling) ? undefined : choiceOf(sampling, topCount / 2);
  return choice === undefined || choice.sum ? undefined : { top: true, sum: false };
}

/** Whether any logit may become larger. */
function raises({
  repetitionPenalty,
  presencePenalty,
  frequencyPenalty,
  logitBias,
}: SamplingParameters): boolean {
  return (
    repetitionPenalty < 1 ||
    presencePenalty < 0 ||
    frequencyPenalty < 0 ||
    [...logitBias.values()].some((bias) => bias > 0)
  );
}
