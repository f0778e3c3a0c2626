// Original file: proto/stagecoach/v1/stage.proto


export interface EchoReply {
  'payload'?: (Buffer | Uint8Array | string);
}

export interface EchoReply__Output {
  'payload': (Buffer);
}
