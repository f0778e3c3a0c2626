// Original file: proto/stagecoach/v1/stage.proto

import type { Long } from '@grpc/proto-loader';

export interface OpenLinkRequest {
  'epoch'?: (number | string | Long);
}

export interface OpenLinkRequest__Output {
  'epoch': (number);
}
