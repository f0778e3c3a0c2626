// Original file: proto/stagecoach/v1/stage.proto

import type { Long } from '@grpc/proto-loader';

// Original file: proto/stagecoach/v1/stage.proto

export const _stagecoach_v1_LoadProgress_Phase = {
  PHASE_UNSPECIFIED: 'PHASE_UNSPECIFIED',
  FETCHING: 'FETCHING',
  OPENING: 'OPENING',
  READY: 'READY',
  /**
   * Writes weights in the form that its device multiplies.
   */
  EXPANDING: 'EXPANDING',
} as const;

export type _stagecoach_v1_LoadProgress_Phase =
  | 'PHASE_UNSPECIFIED'
  | 0
  | 'FETCHING'
  | 1
  | 'OPENING'
  | 2
  | 'READY'
  | 3
  /**
   * Writes weights in the form that its device multiplies.
   */
  | 'EXPANDING'
  | 4

export type _stagecoach_v1_LoadProgress_Phase__Output = typeof _stagecoach_v1_LoadProgress_Phase[keyof typeof _stagecoach_v1_LoadProgress_Phase]

export interface LoadProgress {
  'phase'?: (_stagecoach_v1_LoadProgress_Phase);
  'doneBytes'?: (number | string | Long);
  'totalBytes'?: (number | string | Long);
  /**
   * Set with READY.
   */
  'blockCount'?: (number);
  'weightBytes'?: (number | string | Long);
  /**
   * Whether a sequence may be opened with cached tokens that end inside a block.
   */
  'beginsInsideBlocks'?: (boolean);
}

export interface LoadProgress__Output {
  'phase': (_stagecoach_v1_LoadProgress_Phase__Output);
  'doneBytes': (number);
  'totalBytes': (number);
  /**
   * Set with READY.
   */
  'blockCount': (number);
  'weightBytes': (number);
  /**
   * Whether a sequence may be opened with cached tokens that end inside a block.
   */
  'beginsInsideBlocks': (boolean);
}
