// Original file: proto/stagecoach/v1/stage.proto

import type { Open as _stagecoach_v1_Open, Open__Output as _stagecoach_v1_Open__Output } from '../../stagecoach/v1/Open.js';
import type { Forward as _stagecoach_v1_Forward, Forward__Output as _stagecoach_v1_Forward__Output } from '../../stagecoach/v1/Forward.js';
import type { Close as _stagecoach_v1_Close, Close__Output as _stagecoach_v1_Close__Output } from '../../stagecoach/v1/Close.js';
import type { Long } from '@grpc/proto-loader';

/**
 * Frame is one message of the pipeline. All frames of an epoch pass every
 * stage in the coordinator's order.
 */
export interface Frame {
  /**
   * Frames of an older epoch are dropped.
   */
  'epoch'?: (number | string | Long);
  /**
   * Serial number in the epoch, from 1, without gaps.
   */
  'step'?: (number | string | Long);
  'lane'?: (number);
  'open'?: (_stagecoach_v1_Open | null);
  'forward'?: (_stagecoach_v1_Forward | null);
  'close'?: (_stagecoach_v1_Close | null);
  'payload'?: "open"|"forward"|"close";
}

/**
 * Frame is one message of the pipeline. All frames of an epoch pass every
 * stage in the coordinator's order.
 */
export interface Frame__Output {
  /**
   * Frames of an older epoch are dropped.
   */
  'epoch': (number);
  /**
   * Serial number in the epoch, from 1, without gaps.
   */
  'step': (number);
  'lane': (number);
  'open'?: (_stagecoach_v1_Open__Output | null);
  'forward'?: (_stagecoach_v1_Forward__Output | null);
  'close'?: (_stagecoach_v1_Close__Output | null);
  'payload'?: "open"|"forward"|"close";
}
