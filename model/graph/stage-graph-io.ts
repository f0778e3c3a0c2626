/**
 * Names of a stage graph's inputs and outputs. B: sequences of a run, S: new tokens of each, T = B * S: all of
 * them, R: sampled rows, C: capacity of the past, L: layers, P: positions in the rotary tables. A run is either
 * one token each of several sequences (S = 1), or a chunk of one (B = 1). Some inputs and outputs depend on the
 * form in which KV is kept.
 */
export const graphInputs = {
  /** i32 `[T]`, first stage only. */
  tokens: "tokens",
  /** `[T, hiddenSize]`, every stage but the first; f16 or i8 where hidden states travel so, otherwise f32. */
  hidden: "hidden",
  /** f32 `[T, 1]`, where hidden states travel as i8. */
  hiddenScales: "hidden_scales",
  /** i64, positions of the tokens: `[1, T]`, with int8 KV `[B, S]`. */
  positions: "positions",
  /** f32 `[P, ropeDimension / 2]`. */
  rotaryCos: "rotary_cos",
  rotarySin: "rotary_sin",
  /**
   * f32, 0 where a past or new token is seen, -inf elsewhere: `[B, 1, 1, 1, C + 1]`, runs with S = 1 only; with
   * int8 KV `[B, 1, 1, C + 1]` where S = 1, and else `[B, 1, groupSize * S, C + S]`.
   */
  mask: "mask",
  /** i64 `[2]`: C and S. */
  pastSplit: "past_split",
  /** f32 KV only, bool `[]`: true where S = 1. */
  decode: "decode",
  /** f32 KV only, i32 `[B]`: tokens with the new ones, less one. Runs with S > 1 only. */
  lastPositions: "last_positions",
  /** f32 KV only, i32 `[]`: the longest sequence with its new tokens. Runs with S > 1 only. */
  totalLength: "total_length",
  /** int8 KV only, i64 `[4]`: B, S, headCount + 2 * kvHeadCount and headSize. */
  headsShape: "heads_shape",
  /**
   * int8 KV only, f32 `[L * 2 * B, kvHeadCount, 1, C]`, for keys and values of each layer in turn: keys' peak
   * times `headSize ** -0.5 / 127 ** 2`, values' peak by `127 * 255`. The peak is the largest magnitude.
   */
  pastScales: "past_scales",
  /** i64 `[R]`: tokens that are sampled from, last stage only. */
  sampleRows: "sample_rows",
  /** i64 `[Q]`: which of the sampled rows' logits are wanted as a whole, last stage only. */
  logitRows: "logit_rows",
} as const;

export const graphOutputs = {
  /** `[T, hiddenSize]`, every stage but the last; as the input. */
  hidden: "hidden_out",
  /** f32 `[T, 1]`, where hidden states travel as i8. */
  hiddenScales: "hidden_scales_out",
  /**
   * Keys (rotated) and values of the new tokens: f32 `[T, L, 2, kvHeadCount, headSize]`, with int8 KV i8
   * `[B, L * 2 * kvHeadCount, S, headSize]`: 127ths of the peak.
   */
  newKv: "new_kv",
  /** int8 KV only, f32 `[B, L * 2 * kvHeadCount, S, 1]`. */
  newKvPeaks: "new_kv_peaks",
  /** f32 `[Q, vocabularySize]`, last stage only. */
  logits: "logits",
  /** i64 `[R]`: the most likely tokens, last stage only. */
  best: "best",
  /** f32 `[R]`: their logits, last stage only. */
  bestLogits: "best_logits",
} as const;

/** Keys of a layer's past tokens: f32 `[B, kvHeadCount, 1, C, headSize]` or i8 `[B, kvHeadCount, headSize, C]`. */
export function pastKeysInput(layer: number): string {
  return `past_keys.${layer}`;
}

/** Values: f32 `[B, kvHeadCount, 1, C, headSize]` or i8 `[B, kvHeadCount, C, headSize]`. */
export function pastValuesInput(layer: number): string {
  return `past_values.${layer}`;
}
