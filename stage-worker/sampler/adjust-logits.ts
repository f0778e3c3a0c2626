import type { SampledSequence } from "./open-sequence.js";

/** Whether anything changes the logits before temperature. */
export function adjustsLogits(sequence: SampledSequence, generatedLength: number): boolean {
  const { sampling, counts } = sequence;
  return counts !== undefined || sampling.logitBias.size > 0 || suppresses(sequence, generatedLength);
}

/**
 * Bias, suppressed tokens, then penalties, in place: the repetition penalty divides what is positive and
 * multiplies what is negative (Keskar et al., 2019) for all tokens seen, the other two are subtracted for generated
 * tokens, as OpenAI defines them. The order is vLLM's.
 *
 * @param logits f32 `[vocabularySize]`
 */
export function adjustLogits(sequence: SampledSequence, logits: Float32Array, generatedLength: number): void {
  const { sampling, counts } = sequence;
  for (const [id, bias] of sampling.logitBias) logits[id] = (logits[id] as number) + bias;
  if (suppresses(sequence, generatedLength)) {
    for (const id of sampling.suppressedTokenIds) logits[id] = -Infinity;
  }
  if (counts === undefined) return;
  const { repetitionPenalty, presencePenalty, frequencyPenalty } = sampling;
  for (const [id, count] of counts) {
    const logit = logits[id] as number;
    const repeated = logit > 0 ? logit / repetitionPenalty : logit * repetitionPenalty;
    logits[id] = count === 0 ? repeated : repeated - presencePenalty - count * frequencyPenalty;
  }
}

function suppresses({ sampling }: SampledSequence, generatedLength: number): boolean {
  return sampling.suppressedTokenIds.length > 0 && generatedLength < sampling.suppressedUntilLength;
}
