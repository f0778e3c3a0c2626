// Original file: proto/stagecoach/v1/stage.proto


/**
 * Close frees sequences' KV at every stage.
 */
export interface Close {
  'sequenceIds'?: (number)[];
}

/**
 * Close frees sequences' KV at every stage.
 */
export interface Close__Output {
  'sequenceIds': (number)[];
}
