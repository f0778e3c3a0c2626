// Original file: proto/stagecoach/v1/cluster.proto


/**
 * Tokens a second of all sequences together while so many decode.
 */
export interface DecodeRate {
  'concurrency'?: (number);
  'predictedTokensPerSecond'?: (number | string);
  /**
   * Over the times when exactly so many decoded and no prompt was read.
   */
  'achievedTokensPerSecond'?: (number | string);
  /**
   * How long that was.
   */
  'achievedSeconds'?: (number | string);
  '_predictedTokensPerSecond'?: "predictedTokensPerSecond";
  '_achievedTokensPerSecond'?: "achievedTokensPerSecond";
}

/**
 * Tokens a second of all sequences together while so many decode.
 */
export interface DecodeRate__Output {
  'concurrency': (number);
  'predictedTokensPerSecond'?: (number);
  /**
   * Over the times when exactly so many decoded and no prompt was read.
   */
  'achievedTokensPerSecond'?: (number);
  /**
   * How long that was.
   */
  'achievedSeconds': (number);
  '_predictedTokensPerSecond'?: "predictedTokensPerSecond";
  '_achievedTokensPerSecond'?: "achievedTokensPerSecond";
}
