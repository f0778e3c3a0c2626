// Original file: proto/stagecoach/v1/stage.proto


export interface MeasureRequest {
  'manifestJson'?: (Buffer | Uint8Array | string);
  'blobAddress'?: (string);
  'threads'?: (number);
}

export interface MeasureRequest__Output {
  'manifestJson': (Buffer);
  'blobAddress': (string);
  'threads': (number);
}
