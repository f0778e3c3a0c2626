// Original file: proto/stagecoach/v1/inference.proto


export interface EmbedRequest {
  'model'?: (string);
  'inputs'?: (string)[];
}

export interface EmbedRequest__Output {
  'model': (string);
  'inputs': (string)[];
}
