// Original file: proto/stagecoach/v1/inference.proto


export interface TokenLogprob {
  'tokenId'?: (number);
  'text'?: (string);
  'logprob'?: (number | string);
  'bytes'?: (Buffer | Uint8Array | string);
}

export interface TokenLogprob__Output {
  'tokenId': (number);
  'text': (string);
  'logprob': (number);
  'bytes': (Buffer);
}
