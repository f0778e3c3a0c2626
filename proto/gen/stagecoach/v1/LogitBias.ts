// Original file: proto/stagecoach/v1/stage.proto


export interface LogitBias {
  'tokenId'?: (number);
  'bias'?: (number | string);
}

export interface LogitBias__Output {
  'tokenId': (number);
  'bias': (number);
}
