// Original file: proto/stagecoach/v1/stage.proto

import type { DataType as _stagecoach_v1_DataType, DataType__Output as _stagecoach_v1_DataType__Output } from '../../stagecoach/v1/DataType.js';

/**
 * Raw little-endian elements, row major.
 */
export interface Tensor {
  'dtype'?: (_stagecoach_v1_DataType);
  'shape'?: (number)[];
  'data'?: (Buffer | Uint8Array | string);
  /**
   * INT8 only: little-endian float32, one a row; value = byte * scale.
   */
  'scales'?: (Buffer | Uint8Array | string);
}

/**
 * Raw little-endian elements, row major.
 */
export interface Tensor__Output {
  'dtype': (_stagecoach_v1_DataType__Output);
  'shape': (number)[];
  'data': (Buffer);
  /**
   * INT8 only: little-endian float32, one a row; value = byte * scale.
   */
  'scales': (Buffer);
}
