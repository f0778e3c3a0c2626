// Original file: proto/stagecoach/v1/stage.proto

import type { Long } from '@grpc/proto-loader';

export interface TakeTokensRequest {
  'epoch'?: (number | string | Long);
  /**
   * host:port of the last stage's Stage service.
   */
  'address'?: (string);
}

export interface TakeTokensRequest__Output {
  'epoch': (number);
  /**
   * host:port of the last stage's Stage service.
   */
  'address': (string);
}
