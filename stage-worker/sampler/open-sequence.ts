import { StagecoachError } from "../../common/errors.js";
import type { SamplingParameters, SequenceOpening } from "../engine/stage-runner.js";

/** What the sampler knows of a sequence. */
export interface SampledSequence {
  readonly sequenceId: number;
  readonly promptLength: number;
  readonly sampling: SamplingParameters;
  /**
   * Every token of prompt and output with how often it was generated (0 for the prompt's); undefined when no
   * penalty asks for it.
   */
  readonly counts: Map<number, number> | undefined;
}

/**
 * Takes a sequence in, its history into account.
 * @throws StagecoachError INVALID_ARGUMENT for token ids beyond the vocabulary or parameters out of range.
 */
export function openSequence(opening: SequenceOpening, vocabularySize: number): SampledSequence {
  const { sequenceId, promptLength, sampling } = opening;
  const check = (what: string, value: number, valid: boolean): void => {
    if (valid) return;
    throw new StagecoachError(
      "INVALID_ARGUMENT",
      `sequence ${sequenceId} has ${what} ${value}, which cannot be sampled with: send a value in range`,
      { details: { sequenceId, value } },
    );
  };
  const isToken = (id: number): boolean => Number.isInteger(id) && id >= 0 && id < vocabularySize;
  const { temperature, topK, topP, minP, repetitionPenalty, presencePenalty, frequencyPenalty } = sampling;
  check("temperature", temperature, temperature >= 0 && temperature < Infinity);
  check("top_k", topK, Number.isInteger(topK) && topK >= 0);
  check("top_p", topP, topP >= 0 && topP <= 1);
  check("min_p", minP, minP >= 0 && minP <= 1);
  check("repetition_penalty", repetitionPenalty, repetitionPenalty > 0 && repetitionPenalty < Infinity);
  check("presence_penalty", presencePenalty, Number.isFinite(presencePenalty));
  check("frequency_penalty", frequencyPenalty, Number.isFinite(frequencyPenalty));
  check("seed", sampling.seed, Number.isSafeInteger(sampling.seed) && sampling.seed >= 0);
  for (const id of sampling.suppressedTokenIds) check("suppressed token id", id, isToken(id));
  for (const [id, bias] of sampling.logitBias) {
    check("logit bias for token id", id, isToken(id));
    check("logit bias", bias, !Number.isNaN(bias) && bias < Infinity);
  }
  for (const id of opening.history) check("token id", id, isToken(id));
  return { sequenceId, promptLength, sampling, counts: countTokens(opening) };
}

function countTokens({ history, promptLength, sampling }: SequenceOpening): Map<number, number> | undefined {
  if (!hasPenalties(sampling)) return undefined;
  const counts = new Map<number, number>();
  for (const [index, id] of history.entries()) {
    counts.set(id, (counts.get(id) ?? 0) + (index < promptLength ? 0 : 1));
  }
  return counts;
}

function hasPenalties(sampling: SamplingParameters): boolean {
  const { repetitionPenalty, presencePenalty, frequencyPenalty } = sampling;
  return repetitionPenalty !== 1 || presencePenalty !== 0 || frequencyPenalty !== 0;
}
