// Original file: proto/stagecoach/v1/stage.proto

export const DataType = {
  DATA_TYPE_UNSPECIFIED: 'DATA_TYPE_UNSPECIFIED',
  FLOAT32: 'FLOAT32',
  FLOAT16: 'FLOAT16',
  BFLOAT16: 'BFLOAT16',
  /**
   * Rows of signed bytes, each with a scale of its own.
   */
  INT8: 'INT8',
} as const;

export type DataType =
  | 'DATA_TYPE_UNSPECIFIED'
  | 0
  | 'FLOAT32'
  | 1
  | 'FLOAT16'
  | 2
  | 'BFLOAT16'
  | 3
  /**
   * Rows of signed bytes, each with a scale of its own.
   */
  | 'INT8'
  | 4

export type DataType__Output = typeof DataType[keyof typeof DataType]
