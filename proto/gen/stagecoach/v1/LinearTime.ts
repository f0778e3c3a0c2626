// Original file: proto/stagecoach/v1/stage.proto

import type { TimedRows as _stagecoach_v1_TimedRows, TimedRows__Output as _stagecoach_v1_TimedRows__Output } from '../../stagecoach/v1/TimedRows.js';

/**
 * A time of alpha + beta * rows, in milliseconds.
 */
export interface LinearTime {
  'alphaMs'?: (number | string);
  'betaMs'?: (number | string);
  /**
   * What was measured, rows ascending; empty where only the line is known.
   */
  'points'?: (_stagecoach_v1_TimedRows)[];
}

/**
 * A time of alpha + beta * rows, in milliseconds.
 */
export interface LinearTime__Output {
  'alphaMs': (number);
  'betaMs': (number);
  /**
   * What was measured, rows ascending; empty where only the line is known.
   */
  'points': (_stagecoach_v1_TimedRows__Output)[];
}
