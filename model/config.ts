/** How rotary frequencies are stretched for contexts longer than the model was trained on. */
export type RopeScaling =
  | { kind: "none" }
  /** Positions divided by `factor`. */
  | { kind: "linear"; factor: number }
  /** Llama 3.1's three bands of wavelengths. */
  | {
      kind: "llama3";
      factor: number;
      lowFrequencyFactor: number;
      highFrequencyFactor: number;
      originalContextLength: number;
    }
  /** YaRN (Peng et al., 2023): interpolation by parts with an attention temperature. */
  | {
      kind: "yarn";
      factor: number;
      originalContextLength: number;
      betaFast: number;
      betaSlow: number;
      attentionFactor: number;
    }
  /** Divisors a frequency, `ropeDimension / 2` of them, as GGUF stores llama3 scaling. */
  | { kind: "factors"; factors: readonly number[] };

/** What a decoder-only transformer of the Llama family is, whatever file it came from. */
export interface ModelConfig {
  readonly architecture: "llama" | "mistral" | "qwen2";
  readonly layerCount: number;
  /** Width of the residual stream. */
  readonly hiddenSize: number;
  readonly headCount: number;
  readonly kvHeadCount: number;
  readonly headSize: number;
  readonly feedForwardSize: number;
  readonly vocabularySize: number;
  /** Tokens a sequence may have at most. */
  readonly contextLength: number;
  readonly normEpsilon: number;
  readonly ropeBase: number;
  /** Leading dimensions of a head that are rotated; the head size for all models so far. */
  readonly ropeDimension: number;
  /** True where rotary pairs are neighbours (GGUF's llama), false where they are halves of the head. */
  readonly ropeInterleaved: boolean;
  readonly ropeScaling: RopeScaling;
  /** True when q, k and v have biases (qwen2). */
  readonly attentionBias: boolean;
  /** True when the head's weights are the embedding's. */
  readonly tiedEmbedding: boolean;
}
