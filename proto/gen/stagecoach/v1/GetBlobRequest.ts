// Original file: proto/stagecoach/v1/cluster.proto

import type { Long } from '@grpc/proto-loader';

export interface GetBlobRequest {
  /**
   * Lower-case hex.
   */
  'sha256'?: (string);
  'offsetBytes'?: (number | string | Long);
}

export interface GetBlobRequest__Output {
  /**
   * Lower-case hex.
   */
  'sha256': (string);
  'offsetBytes': (number);
}
