// Original file: proto/stagecoach/v1/stage.proto

import type { Long } from '@grpc/proto-loader';

export interface OutputsRequest {
  'epoch'?: (number | string | Long);
}

export interface OutputsRequest__Output {
  'epoch': (number);
}
