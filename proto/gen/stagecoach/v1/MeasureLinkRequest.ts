// Original file: proto/stagecoach/v1/stage.proto


export interface MeasureLinkRequest {
  'address'?: (string);
}

export interface MeasureLinkRequest__Output {
  'address': (string);
}
