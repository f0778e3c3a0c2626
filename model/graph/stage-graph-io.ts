/**
 * Names of a stage graph's inputs and outputs. T: tokens of a run, B: sequences, R: sampled rows,
 * C: capacity of the past. A run is either B decoding sequences of one token each (T = B), or one
 * sequence's prefill chunk (B = 1).
 */
export const graphInputs = {
  /** i32 `[T]`, first stage only. */
  tokens: "tokens",
  /** `[T, hiddenSize]`, every stage but the first; f16 or i8 where hidden states travel so, otherwise f32. */
  hidden: "hidden",
  /** f32 `[T, 1]`, where hidden states travel as i8. */
  hiddenScales: "hidden_scales",
  /** bool `[]`: true for a decode run. */
  decode: "decode",
  /** f32 `[T, ropeDimension / 2]`: rows of the rotary tables at the tokens' positions. */
  rotaryCos: "rotary_cos",
  rotarySin: "rotary_sin",
  /** i64 `[1, T]`: 0, 1, 2, …: each token has its own row of the tables. */
  rotaryRows: "rotary_rows",
  /** f32 `[B, 1, 1, 1, C + 1]`: 0 where a past token or the new one is seen, -inf elsewhere. Decode runs only. */
  mask: "mask",
  /** i64 `[2]`: C and 1. */
  pastSplit: "past_split",
  /** i32 `[B]`: tokens with the new ones, less one. Prefill runs only. */
  lastPositions: "last_positions",
  /** i32 `[]`: the longest sequence with its new tokens. Prefill runs only. */
  totalLength: "total_length",
  /** i64 `[R]`: tokens whose logits are wanted, last stage only. */
  sampleRows: "sample_rows",
} as const;

export const graphOutputs = {
  /** `[T, hiddenSize]`, every stage but the last; as the input. */
  hidden: "hidden_out",
  /** f32 `[T, 1]`, where hidden states travel as i8. */
  hiddenScales: "hidden_scales_out",
  /** f32 `[T, layers, 2, kvHeadCount, headSize]`: keys (rotated) and values of the new tokens. */
  newKv: "new_kv",
  /** f32 `[R, vocabularySize]`, last stage only. */
  logits: "logits",
  /** i64 `[R]`: the most likely tokens, last stage only. */
  best: "best",
  /** f32 `[R]`: their logits, last stage only. */
  bestLogits: "best_logits",
} as const;

/** f32 `[B, kvHeadCount, 1, C, headSize]`: keys of a layer's past tokens. */
export function pastKeysInput(layer: number): string {
  return `past_keys.${layer}`;
}

/** As pastKeysInput: the values. */
export function pastValuesInput(layer: number): string {
  return `past_values.${layer}`;
}
