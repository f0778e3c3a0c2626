// Original file: proto/stagecoach/v1/stage.proto


export interface StageFailure {
  /**
   * Canonical gRPC code, by number.
   */
  'code'?: (number);
  'message'?: (string);
  /**
   * Sequences that cannot go on; empty means the whole stage failed.
   */
  'sequenceIds'?: (number)[];
}

export interface StageFailure__Output {
  /**
   * Canonical gRPC code, by number.
   */
  'code': (number);
  'message': (string);
  /**
   * Sequences that cannot go on; empty means the whole stage failed.
   */
  'sequenceIds': (number)[];
}
