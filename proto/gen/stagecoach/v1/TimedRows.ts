// Original file: proto/stagecoach/v1/stage.proto


export interface TimedRows {
  'rows'?: (number);
  'ms'?: (number | string);
}

export interface TimedRows__Output {
  'rows': (number);
  'ms': (number);
}
