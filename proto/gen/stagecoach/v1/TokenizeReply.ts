// Original file: proto/stagecoach/v1/inference.proto


export interface TokenizeReply {
  'ids'?: (number)[];
}

export interface TokenizeReply__Output {
  'ids': (number)[];
}
