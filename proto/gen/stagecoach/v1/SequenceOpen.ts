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
  /**
   * Tokens at the beginning whose KV exists already; the first Forward starts there.
   */
  'cachedLength'?: (number);
  /**
   * The blocks that hold them, in order. Full ones become the sequence's own,
   * shared with whoever else has them. Where cached_length ends inside a block,
   * the last id is only copied from: the sequence's own block for those
   * positions comes as a new block of its first Forward (copy on write). A stage
   * without begins_inside_blocks refuses that.
   */
  'cachedBlockIds'?: (number)[];
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
  /**
   * Tokens at the beginning whose KV exists already; the first Forward starts there.
   */
  'cachedLength': (number);
  /**
   * The blocks that hold them, in order. Full ones become the sequence's own,
   * shared with whoever else has them. Where cached_length ends inside a block,
   * the last id is only copied from: the sequence's own block for those
   * positions comes as a new block of its first Forward (copy on write). A stage
   * without begins_inside_blocks refuses that.
   */
  'cachedBlockIds': (number)[];
}
