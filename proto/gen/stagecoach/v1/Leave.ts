// Original file: proto/stagecoach/v1/cluster.proto


/**
 * Leave asks the worker to end.
 */
export interface Leave {
  'reason'?: (string);
}

/**
 * Leave asks the worker to end.
 */
export interface Leave__Output {
  'reason': (string);
}
