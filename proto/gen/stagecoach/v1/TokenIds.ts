// Original file: proto/stagecoach/v1/inference.proto


export interface TokenIds {
  'ids'?: (number)[];
}

export interface TokenIds__Output {
  'ids': (number)[];
}
