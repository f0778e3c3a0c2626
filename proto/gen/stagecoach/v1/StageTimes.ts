// Original file: proto/stagecoach/v1/stage.proto


/**
 * What a stage did with its time since it was loaded; the four times sum to
 * wall time.
 */
export interface StageTimes {
  'busyMs'?: (number | string);
  'waitInMs'?: (number | string);
  'waitOutMs'?: (number | string);
  'sendMs'?: (number | string);
}

/**
 * What a stage did with its time since it was loaded; the four times sum to
 * wall time.
 */
export interface StageTimes__Output {
  'busyMs': (number);
  'waitInMs': (number);
  'waitOutMs': (number);
  'sendMs': (number);
}
