import { StagecoachError } from "../../common/errors.js";
import type { SampledToken, SequenceOpening } from "../engine/stage-runner.js";
import { adjustLogits, adjustsLogits } from "./adjust-logits.js";
import { adjustPart } from "./adjust-part.js";
import { createCandidates, fillCandidates, keepMinP, keepTopP } from "./candidates.js";
import { drawByBucket, drawById } from "./draw-candidate.js";
import { drawFromPart } from "./draw-from-part.js";
import { logProbabilities, partLogProbabilities } from "./log-probabilities.js";
import { openSequence, type SampledSequence } from "./open-sequence.js";
import { positionRandom } from "./position-random.js";
import type { RowPart } from "./row-part.js";

/** Chooses tokens at the last stage. */
export interface Sampler {
  /**
   * Announces sequences; all of them or, when one is refused, none.
   * @throws StagecoachError INVALID_ARGUMENT for parameters out of range, ALREADY_EXISTS for a known sequence.
   */
  open(openings: readonly SequenceOpening[]): void;
  /**
   * The token of a sequence at `position`, its place in prompt and output together. The same sequence, logits and
   * position always give the same token. `logits` is f32 `[vocabularySize]` and stays as it is.
   *
   * @throws StagecoachError INTERNAL when logits are not finite, FAILED_PRECONDITION when bias and suppressed tokens
   * leave none, NOT_FOUND for a sequence that was not opened; each names the sequence.
   */
  sample(sequenceId: number, logits: Float32Array, position: number): SampledToken;
  /**
   * As `sample`, from what `rowNeeds` asked for in place of logits: the same token, as far as the sums' f32 tells.
   * @returns undefined where the part does not decide, and logits are needed
   * @throws StagecoachError NOT_FOUND for a sequence that was not opened
   */
  samplePart(sequenceId: number, part: RowPart, position: number): SampledToken | undefined;
  /** Forgets sequences; unknown ones are none of its business. */
  close(sequenceIds: readonly number[]): void;
}

/**
 * Makes a sampler. In this order: logit bias and suppressed tokens; repetition, presence and frequency penalties;
 * temperature; top-k; top-p of what top-k left; min-p. Log-probabilities are those of the model itself, before all of
 * these, as in vLLM.
 */
export function createSampler(vocabularySize: number): Sampler {
  const sequences = new Map<number, SampledSequence>();
  const candidates = createCandidates(vocabularySize);
  const adjusted = new Float32Array(vocabularySize);

  const draw = (
    sequence: SampledSequence,
    logits: Float32Array,
    largest: number,
    position: number,
  ): number => {
    const { temperature, topK, topP, minP, seed } = sequence.sampling;
    // What min-p leaves out still counts for top-p.
    fillCandidates(candidates, logits, largest, temperature, topK, topP < 1 ? 0 : minP);
    if (topP < 1) keepTopP(candidates, topP);
    if (minP > 0) keepMinP(candidates, minP);
    const random = positionRandom(seed, position);
    return topP < 1 ? drawByBucket(candidates, random) : drawById(candidates, random);
  };

  const choose = (sequence: SampledSequence, raw: Float32Array, best: number, position: number): number => {
    const { temperature } = sequence.sampling;
    const generatedLength = position - sequence.promptLength;
    const adjusts = adjustsLogits(sequence, generatedLength);
    if (!adjusts) return temperature === 0 ? best : draw(sequence, raw, raw[best] as number, position);
    adjusted.set(raw);
    adjustLogits(sequence, adjusted, generatedLength);
    const left = indexOfLargestLeft(adjusted);
    if (left < 0) throw nothingLeft(sequence.sequenceId);
    return temperature === 0 ? left : draw(sequence, adjusted, adjusted[left] as number, position);
  };

  return {
    open: (openings) => {
      const opened = openings.map((opening) => openSequence(opening, vocabularySize));
      for (const { sequenceId } of opened) if (sequences.has(sequenceId)) throw alreadyOpen(sequenceId);
      for (const sequence of opened) sequences.set(sequence.sequenceId, sequence);
    },
    sample: (sequenceId, logits, position) => {
      const sequence = sequences.get(sequenceId);
      if (sequence === undefined) throw notOpen(sequenceId);
      if (logits.length !== vocabularySize) throw wrongLength(sequenceId, logits, vocabularySize);
      const best = indexOfLargest(logits);
      if (best < 0) throw notFinite(sequenceId, logits);
      const tokenId = choose(sequence, logits, best, position);
      countToken(sequence, tokenId);
      const { wantLogprobs, topLogprobs } = sequence.sampling;
      if (!wantLogprobs) return { sequenceId, tokenId };
      const logprobs = logProbabilities(logits, logits[best] as number);
      return { sequenceId, tokenId, logprob: logprobs.of(tokenId), top: logprobs.top(topLogprobs) };
    },
    samplePart: (sequenceId, part, position) => {
      const sequence = sequences.get(sequenceId);
      if (sequence === undefined) throw notOpen(sequenceId);
      const { seed, wantLogprobs, topLogprobs } = sequence.sampling;
      const logprobs = wantLogprobs ? partLogProbabilities(part) : undefined;
      if (wantLogprobs && logprobs === undefined) return undefined;
      const generatedLength = position - sequence.promptLength;
      const left = adjustsLogits(sequence, generatedLength)
        ? adjustPart(sequence, part, generatedLength, adjusted)
        : part;
      const random = positionRandom(seed, position);
      const tokenId = left && drawFromPart(candidates, sequence.sampling, left, random);
      if (tokenId === undefined) return undefined;
      countToken(sequence, tokenId);
      if (logprobs === undefined) return { sequenceId, tokenId };
      return { sequenceId, tokenId, logprob: logprobs.of(tokenId), top: logprobs.top(topLogprobs) };
    },
    close: (sequenceIds) => {
      for (const sequenceId of sequenceIds) sequences.delete(sequenceId);
    },
  };
}

function countToken({ counts }: SampledSequence, tokenId: number): void {
  counts?.set(tokenId, (counts.get(tokenId) ?? 0) + 1);
}

/** Of equals the first, so that greedy text does not depend on how the logits were searched; -1 if any is not finite. */
function indexOfLargest(logits: Float32Array): number {
  let best = 0;
  let largest = -Infinity;
  // Zero times anything finite is zero; NaN and infinities make the sum NaN.
  let zero = 0;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] as number;
    zero += logit * 0;
    if (logit > largest) {
      largest = logit;
      best = id;
    }
  }
  return zero === 0 ? best : -1;
}

/** As `indexOfLargest`, where -Infinity means a token that is ruled out; -1 if all are. */
function indexOfLargestLeft(logits: Float32Array): number {
  let best = -1;
  let largest = -Infinity;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] as number;
    if (logit > largest) {
      largest = logit;
      best = id;
    }
  }
  return best;
}

function wrongLength(sequenceId: number, logits: Float32Array, vocabularySize: number): StagecoachError {
  return new StagecoachError(
    "INTERNAL",
    `sequence ${sequenceId} got ${logits.length} logits for a vocabulary of ${vocabularySize}`,
    { details: { sequenceId } },
  );
}

function notFinite(sequenceId: number, logits: Float32Array): StagecoachError {
  const bad = logits.findIndex((logit) => !Number.isFinite(logit));
  return new StagecoachError(
    "INTERNAL",
    `sequence ${sequenceId} cannot go on: the model's logit for token ${bad} is ${logits[bad]}. ` +
      "Weights or cache are damaged; verify the model, or use another variant",
    { details: { sequenceId, tokenId: bad } },
  );
}

function nothingLeft(sequenceId: number): StagecoachError {
  return new StagecoachError(
    "FAILED_PRECONDITION",
    `sequence ${sequenceId} has no token left to sample: logit_bias, min_tokens and ignore_eos rule every one out`,
    { details: { sequenceId } },
  );
}

function alreadyOpen(sequenceId: number): StagecoachError {
  return new StagecoachError("ALREADY_EXISTS", `sequence ${sequenceId} is opened twice`, {
    details: { sequenceId },
  });
}

function notOpen(sequenceId: number): StagecoachError {
  return new StagecoachError("NOT_FOUND", `sequence ${sequenceId} was not opened before it was sampled`, {
    details: { sequenceId },
  });
}
