// Original file: proto/stagecoach/v1/inference.proto


export interface TokenizeRequest {
  'model'?: (string);
  'text'?: (string);
  /**
   * Control tokens written in the text count as control tokens.
   */
  'parseSpecial'?: (boolean);
  /**
   * Add the model's own start token where it has one.
   */
  'addSpecial'?: (boolean);
}

export interface TokenizeRequest__Output {
  'model': (string);
  'text': (string);
  /**
   * Control tokens written in the text count as control tokens.
   */
  'parseSpecial': (boolean);
  /**
   * Add the model's own start token where it has one.
   */
  'addSpecial': (boolean);
}
