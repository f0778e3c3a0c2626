// Original file: proto/stagecoach/v1/inference.proto


export interface Usage {
  'promptTokens'?: (number);
  'completionTokens'?: (number);
  'cachedTokens'?: (number);
}

export interface Usage__Output {
  'promptTokens': (number);
  'completionTokens': (number);
  'cachedTokens': (number);
}
