// Original file: proto/stagecoach/v1/cluster.proto

import type { StageState as _stagecoach_v1_StageState, StageState__Output as _stagecoach_v1_StageState__Output } from '../../stagecoach/v1/StageState.js';
import type { EventLoop as _stagecoach_v1_EventLoop, EventLoop__Output as _stagecoach_v1_EventLoop__Output } from '../../stagecoach/v1/EventLoop.js';
import type { Long } from '@grpc/proto-loader';

export interface Heartbeat {
  'stage'?: (_stagecoach_v1_StageState | null);
  'freeMemoryBytes'?: (number | string | Long);
  'residentBytes'?: (number | string | Long);
  /**
   * Of the worker's main thread, which moves messages; engines have threads of their own.
   */
  'eventLoop'?: (_stagecoach_v1_EventLoop | null);
}

export interface Heartbeat__Output {
  'stage': (_stagecoach_v1_StageState__Output | null);
  'freeMemoryBytes': (number);
  'residentBytes': (number);
  /**
   * Of the worker's main thread, which moves messages; engines have threads of their own.
   */
  'eventLoop': (_stagecoach_v1_EventLoop__Output | null);
}
