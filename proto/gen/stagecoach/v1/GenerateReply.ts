// Original file: proto/stagecoach/v1/inference.proto

import type { TokenLogprobs as _stagecoach_v1_TokenLogprobs, TokenLogprobs__Output as _stagecoach_v1_TokenLogprobs__Output } from '../../stagecoach/v1/TokenLogprobs.js';
import type { Usage as _stagecoach_v1_Usage, Usage__Output as _stagecoach_v1_Usage__Output } from '../../stagecoach/v1/Usage.js';

export interface GenerateReply {
  /**
   * New text; may be empty.
   */
  'text'?: (string);
  'tokenIds'?: (number)[];
  'logprobs'?: (_stagecoach_v1_TokenLogprobs)[];
  /**
   * Set in the last reply: stop, length.
   */
  'finishReason'?: (string);
  /**
   * Set in the last reply.
   */
  'usage'?: (_stagecoach_v1_Usage | null);
}

export interface GenerateReply__Output {
  /**
   * New text; may be empty.
   */
  'text': (string);
  'tokenIds': (number)[];
  'logprobs': (_stagecoach_v1_TokenLogprobs__Output)[];
  /**
   * Set in the last reply: stop, length.
   */
  'finishReason': (string);
  /**
   * Set in the last reply.
   */
  'usage': (_stagecoach_v1_Usage__Output | null);
}
