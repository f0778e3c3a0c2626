import type { SampledToken, SequenceOpening } from "../stage-runner.js";

/** What the last stage asks of a sampler. */
export interface TokenSampler {
  open(sequences: readonly SequenceOpening[]): void;
  /** `logits` f32 `[vocabularySize]`, may be overwritten; `position` is the new token's. */
  sample(sequenceId: number, logits: Float32Array, position: number): SampledToken;
  close(sequenceIds: readonly number[]): void;
}
