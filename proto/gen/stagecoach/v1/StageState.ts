// Original file: proto/stagecoach/v1/cluster.proto

import type { StageTimes as _stagecoach_v1_StageTimes, StageTimes__Output as _stagecoach_v1_StageTimes__Output } from '../../stagecoach/v1/StageTimes.js';
import type { Long } from '@grpc/proto-loader';

// Original file: proto/stagecoach/v1/cluster.proto

export const _stagecoach_v1_StageState_State = {
  STATE_UNSPECIFIED: 'STATE_UNSPECIFIED',
  IDLE: 'IDLE',
  LOADING: 'LOADING',
  READY: 'READY',
  FAILED: 'FAILED',
} as const;

export type _stagecoach_v1_StageState_State =
  | 'STATE_UNSPECIFIED'
  | 0
  | 'IDLE'
  | 1
  | 'LOADING'
  | 2
  | 'READY'
  | 3
  | 'FAILED'
  | 4

export type _stagecoach_v1_StageState_State__Output = typeof _stagecoach_v1_StageState_State[keyof typeof _stagecoach_v1_StageState_State]

export interface StageState {
  'state'?: (_stagecoach_v1_StageState_State);
  'epoch'?: (number | string | Long);
  'firstLayer'?: (number);
  'endLayer'?: (number);
  'blocksUsed'?: (number);
  'blocksTotal'?: (number);
  'sequences'?: (number);
  'times'?: (_stagecoach_v1_StageTimes | null);
  'steps'?: (number | string | Long);
  'tokens'?: (number | string | Long);
  /**
   * Time added by the hop into this stage, microseconds, over the last steps.
   */
  'hopP50Us'?: (number | string);
  'hopP99Us'?: (number | string);
  'error'?: (string);
  'weightBytes'?: (number | string | Long);
  /**
   * The form that a GPU holds them in: f16 or packed; empty where the device
   * takes blobs as they are.
   */
  'weights'?: (string);
}

export interface StageState__Output {
  'state': (_stagecoach_v1_StageState_State__Output);
  'epoch': (number);
  'firstLayer': (number);
  'endLayer': (number);
  'blocksUsed': (number);
  'blocksTotal': (number);
  'sequences': (number);
  'times': (_stagecoach_v1_StageTimes__Output | null);
  'steps': (number);
  'tokens': (number);
  /**
   * Time added by the hop into this stage, microseconds, over the last steps.
   */
  'hopP50Us': (number);
  'hopP99Us': (number);
  'error': (string);
  'weightBytes': (number);
  /**
   * The form that a GPU holds them in: f16 or packed; empty where the device
   * takes blobs as they are.
   */
  'weights': (string);
}
