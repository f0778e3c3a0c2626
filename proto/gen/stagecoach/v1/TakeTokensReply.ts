// Original file: proto/stagecoach/v1/stage.proto


export interface TakeTokensReply {
  /**
   * False where no link from the last stage can be had.
   */
  'taken'?: (boolean);
}

export interface TakeTokensReply__Output {
  /**
   * False where no link from the last stage can be had.
   */
  'taken': (boolean);
}
