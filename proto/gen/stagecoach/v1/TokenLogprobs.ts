// Original file: proto/stagecoach/v1/inference.proto

import type { TokenLogprob as _stagecoach_v1_TokenLogprob, TokenLogprob__Output as _stagecoach_v1_TokenLogprob__Output } from '../../stagecoach/v1/TokenLogprob.js';

export interface TokenLogprobs {
  'chosen'?: (_stagecoach_v1_TokenLogprob | null);
  'top'?: (_stagecoach_v1_TokenLogprob)[];
}

export interface TokenLogprobs__Output {
  'chosen': (_stagecoach_v1_TokenLogprob__Output | null);
  'top': (_stagecoach_v1_TokenLogprob__Output)[];
}
