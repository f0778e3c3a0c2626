// Original file: proto/stagecoach/v1/inference.proto

import type { TokenIds as _stagecoach_v1_TokenIds, TokenIds__Output as _stagecoach_v1_TokenIds__Output } from '../../stagecoach/v1/TokenIds.js';
import type { SamplingOptions as _stagecoach_v1_SamplingOptions, SamplingOptions__Output as _stagecoach_v1_SamplingOptions__Output } from '../../stagecoach/v1/SamplingOptions.js';

export interface GenerateRequest {
  /**
   * Empty takes the model that is served.
   */
  'model'?: (string);
  'prompt'?: (string);
  'promptIds'?: (_stagecoach_v1_TokenIds | null);
  'options'?: (_stagecoach_v1_SamplingOptions | null);
  /**
   * Lower goes first; 0 is usual.
   */
  'priority'?: (number);
  /**
   * Whose share of the service the request takes, where the call has no
   * authorization metadata: users share evenly, however much each asks for.
   */
  'user'?: (string);
  'input'?: "prompt"|"promptIds";
}

export interface GenerateRequest__Output {
  /**
   * Empty takes the model that is served.
   */
  'model': (string);
  'prompt'?: (string);
  'promptIds'?: (_stagecoach_v1_TokenIds__Output | null);
  'options': (_stagecoach_v1_SamplingOptions__Output | null);
  /**
   * Lower goes first; 0 is usual.
   */
  'priority': (number);
  /**
   * Whose share of the service the request takes, where the call has no
   * authorization metadata: users share evenly, however much each asks for.
   */
  'user': (string);
  'input'?: "prompt"|"promptIds";
}
