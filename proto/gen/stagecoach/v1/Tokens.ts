// Original file: proto/stagecoach/v1/stage.proto


/**
 * Tokens sampled in one step; arrays have one entry a sampled sequence.
 */
export interface Tokens {
  'sequenceIds'?: (number)[];
  'tokenIds'?: (number)[];
  /**
   * Natural log, before temperature; only for sequences that want them: NaN else.
   */
  'logprobs'?: (number | string)[];
  /**
   * Alternatives: how many each, then ids and log-probabilities one after another.
   */
  'topCounts'?: (number)[];
  'topTokenIds'?: (number)[];
  'topLogprobs'?: (number | string)[];
}

/**
 * Tokens sampled in one step; arrays have one entry a sampled sequence.
 */
export interface Tokens__Output {
  'sequenceIds': (number)[];
  'tokenIds': (number)[];
  /**
   * Natural log, before temperature; only for sequences that want them: NaN else.
   */
  'logprobs': (number)[];
  /**
   * Alternatives: how many each, then ids and log-probabilities one after another.
   */
  'topCounts': (number)[];
  'topTokenIds': (number)[];
  'topLogprobs': (number)[];
}
