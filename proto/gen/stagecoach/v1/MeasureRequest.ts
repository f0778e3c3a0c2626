// Original file: proto/stagecoach/v1/stage.proto


export interface MeasureRequest {
  'manifestJson'?: (Buffer | Uint8Array | string);
  'blobAddress'?: (string);
  'threads'?: (number);
  /**
   * What will be served, for devices that choose the form of their weights by
   * it; see LoadRequest. 0 where it is not known.
   */
  'maxSequences'?: (number);
  'maxContext'?: (number);
  /**
   * Stages that will share the model.
   */
  'stages'?: (number);
}

export interface MeasureRequest__Output {
  'manifestJson': (Buffer);
  'blobAddress': (string);
  'threads': (number);
  /**
   * What will be served, for devices that choose the form of their weights by
   * it; see LoadRequest. 0 where it is not known.
   */
  'maxSequences': (number);
  'maxContext': (number);
  /**
   * Stages that will share the model.
   */
  'stages': (number);
}
