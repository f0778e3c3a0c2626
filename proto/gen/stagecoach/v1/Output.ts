// Original file: proto/stagecoach/v1/stage.proto

import type { Tokens as _stagecoach_v1_Tokens, Tokens__Output as _stagecoach_v1_Tokens__Output } from '../../stagecoach/v1/Tokens.js';
import type { StageFailure as _stagecoach_v1_StageFailure, StageFailure__Output as _stagecoach_v1_StageFailure__Output } from '../../stagecoach/v1/StageFailure.js';
import type { Long } from '@grpc/proto-loader';

export interface Output {
  'epoch'?: (number | string | Long);
  'step'?: (number | string | Long);
  'lane'?: (number);
  'tokens'?: (_stagecoach_v1_Tokens | null);
  'failure'?: (_stagecoach_v1_StageFailure | null);
  'payload'?: "tokens"|"failure";
}

export interface Output__Output {
  'epoch': (number);
  'step': (number);
  'lane': (number);
  'tokens'?: (_stagecoach_v1_Tokens__Output | null);
  'failure'?: (_stagecoach_v1_StageFailure__Output | null);
  'payload'?: "tokens"|"failure";
}
