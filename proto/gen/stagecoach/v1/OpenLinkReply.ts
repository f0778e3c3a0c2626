// Original file: proto/stagecoach/v1/stage.proto


export interface OpenLinkReply {
  /**
   * At the host of this service; 0 means that frames must come by Frames.
   */
  'port'?: (number);
  /**
   * What the connection begins with; see common/wire/link-framing.ts.
   */
  'token'?: (Buffer | Uint8Array | string);
}

export interface OpenLinkReply__Output {
  /**
   * At the host of this service; 0 means that frames must come by Frames.
   */
  'port': (number);
  /**
   * What the connection begins with; see common/wire/link-framing.ts.
   */
  'token': (Buffer);
}
