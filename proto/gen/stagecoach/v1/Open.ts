// Original file: proto/stagecoach/v1/stage.proto

import type { SequenceOpen as _stagecoach_v1_SequenceOpen, SequenceOpen__Output as _stagecoach_v1_SequenceOpen__Output } from '../../stagecoach/v1/SequenceOpen.js';

/**
 * Open tells every stage, once, what never changes about sequences.
 */
export interface Open {
  'sequences'?: (_stagecoach_v1_SequenceOpen)[];
}

/**
 * Open tells every stage, once, what never changes about sequences.
 */
export interface Open__Output {
  'sequences': (_stagecoach_v1_SequenceOpen__Output)[];
}
