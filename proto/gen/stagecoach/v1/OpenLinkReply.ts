// Original file: proto/stagecoach/v1/stage.proto


export interface OpenLinkReply {
  /**
   * At the host of this service; 0 means that it must be done by Frames or Outputs.
   */
  'port'?: (number);
  /**
   * What the connection begins with; see common/wire/link-framing.ts.
   */
  'token'?: (Buffer | Uint8Array | string);
}

export interface OpenLinkReply__Output {
  /**
   * At the host of this service; 0 means that it must be done by Frames or Outputs.
   */
  'port': (number);
  /**
   * What the connection begins with; see common/wire/link-framing.ts.
   */
  'token': (Buffer);
}
