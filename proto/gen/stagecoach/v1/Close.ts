// Original file: proto/stagecoach/v1/stage.proto


/**
 * Close frees sequences' KV at every stage, except what a prefix cache keeps.
 */
export interface Close {
  'sequenceIds'?: (number)[];
  /**
   * How many leading blocks of each sequence stay readable, for sequences that
   * are opened later with them; until the block's id comes as a new block again.
   * Empty means none of any.
   */
  'keptBlockCounts'?: (number)[];
}

/**
 * Close frees sequences' KV at every stage, except what a prefix cache keeps.
 */
export interface Close__Output {
  'sequenceIds': (number)[];
  /**
   * How many leading blocks of each sequence stay readable, for sequences that
   * are opened later with them; until the block's id comes as a new block again.
   * Empty means none of any.
   */
  'keptBlockCounts': (number)[];
}
