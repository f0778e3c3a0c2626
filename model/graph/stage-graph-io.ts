/**
 * Names of a stage graph's inputs and outputs. A run has steps, one token each of B sequences, and chunks, S tokens
 * each of P sequences; with f32 KV either steps or a chunk of one sequence. T: all its tokens, packed, steps before
 * chunks; R: sampled rows, C and D: capacities of the past of steps and of chunks, L: layers, X: positions in the
 * rotary tables. Some inputs and outputs depend on the form in which KV is kept. Where a run has no steps or no
 * chunks, their inputs are not read, but must be given.
 */
export const graphInputs = {
  /** i32 `[T]`, first stage only. */
  tokens: "tokens",
  /** `[T, hiddenSize]`, every stage but the first; f16 or i8 where hidden states travel so, otherwise f32. */
  hidden: "hidden",
  /** f32 `[T, 1]`, where hidden states travel as i8. */
  hiddenScales: "hidden_scales",
  /** i64, positions of the tokens: `[1, T]`, with int8 KV `[T, 1]`. */
  positions: "positions",
  /** f32 `[X, ropeDimension / 2]`. */
  rotaryCos: "rotary_cos",
  rotarySin: "rotary_sin",
  /**
   * f32, 0 where a past or new token is seen by a step, -inf elsewhere: `[B, 1, 1, 1, C + 1]`, with int8 KV
   * `[B, 1, 1, C + 1]`.
   */
  mask: "mask",
  /** i64 `[2]`: C and 1. */
  pastSplit: "past_split",
  /** bool `[]`: true where a run has steps only. */
  decode: "decode",
  /** f32 KV only, i32 `[B]`: tokens with the new ones, less one. Runs with S > 1 only. */
  lastPositions: "last_positions",
  /** f32 KV only, i32 `[]`: the longest sequence with its new tokens. Runs with S > 1 only. */
  totalLength: "total_length",
  /**
   * int8 KV only, f32 `[B, L * 2 * kvHeadCount, 1, C]`, for keys and values of each layer in turn: keys' peak
   * times `headSize ** -0.5 / 127 ** 2`, values' peak by `127 * 255`. The peak is the largest magnitude.
   */
  pastScales: "past_scales",
  /** int8 KV only, bool `[]`: true where a run has steps beside chunks. */
  mixed: "mixed",
  /** int8 KV only, i64 `[B]`: where steps are among the tokens. */
  stepTokens: "step_tokens",
  /** int8 KV only, i64 `[P, S]`: where the tokens of chunks are; any token at the end of a shorter one. */
  chunkTokens: "chunk_tokens",
  /** int8 KV only, i64 `[T]`: where each token is among steps and chunks with what was added to shorter ones. */
  packedRows: "packed_rows",
  /** int8 KV only, i64 `[4]`: P, headCount, S and headSize. */
  chunkHeadsShape: "chunk_heads_shape",
  /** int8 KV only, as `mask`: `[P, 1, groupSize * S, D + S]`. */
  chunkMask: "chunk_mask",
  /** int8 KV only, i64 `[2]`: D and S. */
  chunkPastSplit: "chunk_past_split",
  /** int8 KV only, as `pastScales`: f32 `[P, L * 2 * kvHeadCount, 1, D]`. */
  chunkPastScales: "chunk_past_scales",
  /** i64 `[R]`: tokens that are sampled from, last stage only. */
  sampleRows: "sample_rows",
  /** i64 `[Q]`: which of the sampled rows' logits are wanted as a whole, last stage only. */
  logitRows: "logit_rows",
  /** bool `[]`: whether the following two say anything; otherwise outputs that are made of them have no meaning. */
  wantsParts: "wants_parts",
  /** i64 `[K]`, K > 0: of which of the sampled rows the best tokens are wanted; last stage only, with KV in blocks. */
  topRows: "top_rows",
  /**
   * f32 `[W, 4]`, W > 0: rows whose weights are summed, each a sampled row's number, the reciprocal of a temperature, a
   * random number in [0, 1) and the row's number times `runCount` of `tokenRuns`; last stage only, with KV in blocks.
   */
  weighedRows: "weighed_rows",
} as const;

export const graphOutputs = {
  /** `[T, hiddenSize]`, every stage but the last; as the input. */
  hidden: "hidden_out",
  /** f32 `[T, 1]`, where hidden states travel as i8. */
  hiddenScales: "hidden_scales_out",
  /**
   * Keys (rotated) and values of the new tokens: f32 `[T, L * 2 * kvHeadCount * headSize]`, with int8 KV i8
   * `[T, L * 2 * kvHeadCount, 1, headSize]`: 127ths of the peak.
   */
  newKv: "new_kv",
  /** int8 KV only, f32 `[T, L * 2 * kvHeadCount, 1, 1]`. */
  newKvPeaks: "new_kv_peaks",
  /** f32 `[Q, vocabularySize]`, last stage only. */
  logits: "logits",
  /** i64 `[R]`: the most likely tokens, last stage only. */
  best: "best",
  /** f32 `[R]`: their logits, last stage only. */
  bestLogits: "best_logits",
  /** i64 `[K, topCount]`: the best tokens of a row, the best first, of equals the lower ids first. */
  topTokens: "top_tokens",
  /** f32 `[K, topCount]`: their logits. */
  topLogits: "top_logits",
  /** f32 `[W, runCount]`: sums of a weighed row's weights up to each run's end. */
  runningSums: "running_sums",
  /** i32 `[W, 1]`: the run that the random number falls into, counted through all sampled rows. */
  drawnRuns: "drawn_runs",
  /** f32 `[W, 1, runLength]`: the logits of that run. */
  drawnLogits: "drawn_logits",
} as const;

/** How many of the best tokens of a row a graph gives, or the whole vocabulary where that is smaller. */
export const topCount = 64;

/** Inputs of graphs that keep KV in blocks; B sequences, N blocks of the longest. */
export const pagedInputs = {
  /** i32 `[B + 1]`: where each sequence's tokens begin among all, and their number. */
  starts: "starts",
  /** i32 `[B]`: tokens that are in KV already. */
  pasts: "pasts",
  /** i32 `[B, N]`: blocks by position. */
  blockTable: "block_table",
  /** i32 `[2]`: most new tokens of a sequence, most tokens of one with its past; read on the CPU. */
  longest: "longest",
} as const;

/** Integers of graphs with KV in blocks that a device reads, in the order in which they are packed where they are. */
export const packedOrder = [
  graphInputs.tokens,
  pagedInputs.starts,
  pagedInputs.pasts,
  pagedInputs.blockTable,
  graphInputs.sampleRows,
  graphInputs.logitRows,
  graphInputs.topRows,
] as const;

/** What stands for those integers and for `weighedRows` where they are packed; all but the first are read on the CPU. */
export const packedInputs = {
  /** i32 `[I]`: those of `packedOrder` that the stage has, one after another. */
  integers: "integers",
  /** i64, how many integers each of them has. */
  sizes: "integer_sizes",
  /** i64 `[2]`: B and N. */
  tableShape: "table_shape",
  /** f64 `[W, 4]`. */
  weighedRows: "weighed_rows_f64",
} as const;

/**
 * Inputs of graphs that move n whole blocks of KV out of the caches or into them; where they are part of a stage's
 * graph, both at once and of all its layers, otherwise one of the two and of one cache or layer.
 */
export const transferInputs = {
  /** bool `[]`, as part of a stage's graph: whether anything is moved. */
  wanted: "transfer_wanted",
  /** i64 `[n]`: blocks to read. */
  read: "read_blocks",
  /**
   * f16, tokens of the blocks to write, m altogether: as part of a stage's graph `[2 * layers, m, kvHeadCount *
   * headSize]`, keys and values of each layer in turn.
   */
  content: "written_content",
  /** f16 `[m, kvHeadCount * headSize]`, otherwise. */
  keys: "written_keys",
  values: "written_values",
  /** Of the blocks to write, each being a sequence, as in `pagedInputs`; the table is `[n, 1]`. */
  starts: "written_starts",
  pasts: "written_pasts",
  blockTable: "written_blocks",
  longest: "written_longest",
} as const;

export const transferOutputs = {
  /** f16 `[n, blockSize, kvHeadCount, headSize]`; as part of a stage's graph all caches', one after another. */
  content: "read_content",
  /** Of no meaning: what is written is in the caches. */
  done: "written",
} as const;

/** f16 `[blockCount, blockSize, kvHeadCount, headSize]`: a graph's input, or a constant that it changes. */
export function keyCache(layer: number): string {
  return `key_cache.${layer}`;
}

export function valueCache(layer: number): string {
  return `value_cache.${layer}`;
}

/**
 * Keys of a layer's past tokens, of steps and, with f32 KV, of a chunk: f32 `[B, kvHeadCount, 1, C, headSize]` or u8
 * `[B, kvHeadCount, C, headSize]`, 128 for 0.
 */
export function pastKeysInput(layer: number): string {
  return `past_keys.${layer}`;
}

/** Values: f32 `[B, kvHeadCount, 1, C, headSize]` or i8 `[B, kvHeadCount, C, headSize]`. */
export function pastValuesInput(layer: number): string {
  return `past_values.${layer}`;
}

/** int8 KV only: as `pastKeysInput` for chunks, `[P, kvHeadCount, D, headSize]`. */
export function chunkPastKeysInput(layer: number): string {
  return `chunk_past_keys.${layer}`;
}

/** int8 KV only: as `pastValuesInput` for chunks. */
export function chunkPastValuesInput(layer: number): string {
  return `chunk_past_values.${layer}`;
}
