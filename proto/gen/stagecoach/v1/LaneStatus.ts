// Original file: proto/stagecoach/v1/cluster.proto


/**
 * One circulating slot of a pipeline; zeros when it is empty.
 */
export interface LaneStatus {
  /**
   * Sequences that decode in its micro-batch.
   */
  'decodeRows'?: (number);
  /**
   * Tokens of prompts in its micro-batch.
   */
  'prefillTokens'?: (number);
  /**
   * Index of the pipeline that it belongs to.
   */
  'replica'?: (number);
}

/**
 * One circulating slot of a pipeline; zeros when it is empty.
 */
export interface LaneStatus__Output {
  /**
   * Sequences that decode in its micro-batch.
   */
  'decodeRows': (number);
  /**
   * Tokens of prompts in its micro-batch.
   */
  'prefillTokens': (number);
  /**
   * Index of the pipeline that it belongs to.
   */
  'replica': (number);
}
