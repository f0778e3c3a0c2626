// Original file: proto/stagecoach/v1/stage.proto


export interface MeasureLinkReply {
  /**
   * Round trip of a small message, lower quartile.
   */
  'roundTripMs'?: (number | string);
  'bytesPerSecond'?: (number | string);
}

export interface MeasureLinkReply__Output {
  /**
   * Round trip of a small message, lower quartile.
   */
  'roundTripMs': (number);
  'bytesPerSecond': (number);
}
