// Original file: proto/stagecoach/v1/stage.proto

import type { Long } from '@grpc/proto-loader';

export interface FramesReply {
  'frames'?: (number | string | Long);
}

export interface FramesReply__Output {
  'frames': (number);
}
