// Original file: proto/stagecoach/v1/stage.proto


export interface EchoRequest {
  'payload'?: (Buffer | Uint8Array | string);
  'replyBytes'?: (number);
}

export interface EchoRequest__Output {
  'payload': (Buffer);
  'replyBytes': (number);
}
