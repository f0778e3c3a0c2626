// Original file: proto/stagecoach/v1/cluster.proto

import type { StageState as _stagecoach_v1_StageState, StageState__Output as _stagecoach_v1_StageState__Output } from '../../stagecoach/v1/StageState.js';
import type { Long } from '@grpc/proto-loader';

export interface Heartbeat {
  'stage'?: (_stagecoach_v1_StageState | null);
  'freeMemoryBytes'?: (number | string | Long);
  'residentBytes'?: (number | string | Long);
}

export interface Heartbeat__Output {
  'stage': (_stagecoach_v1_StageState__Output | null);
  'freeMemoryBytes': (number);
  'residentBytes': (number);
}
