// Original file: proto/stagecoach/v1/stage.proto

import type { Sampling as _stagecoach_v1_Sampling, Sampling__Output as _stagecoach_v1_Sampling__Output } from '../../stagecoach/v1/Sampling.js';

export interface SequenceOpen {
  /**
   * Unique in the epoch, never reused.
   */
  'sequenceId'?: (number);
  /**
   * Tokens known when the sequence was opened: the prompt, and on a replay the
   * tokens already generated. Little-endian uint32, for the sampler's penalties;
   * empty when the sampling needs no history.
   */
  'history'?: (Buffer | Uint8Array | string);
  /**
   * How many tokens of the whole known text are prompt. The rest was generated.
   */
  'promptLength'?: (number);
  'sampling'?: (_stagecoach_v1_Sampling | null);
}

export interface SequenceOpen__Output {
  /**
   * Unique in the epoch, never reused.
   */
  'sequenceId': (number);
  /**
   * Tokens known when the sequence was opened: the prompt, and on a replay the
   * tokens already generated. Little-endian uint32, for the sampler's penalties;
   * empty when the sampling needs no history.
   */
  'history': (Buffer);
  /**
   * How many tokens of the whole known text are prompt. The rest was generated.
   */
  'promptLength': (number);
  'sampling': (_stagecoach_v1_Sampling__Output | null);
}
