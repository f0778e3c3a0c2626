// Original file: proto/stagecoach/v1/cluster.proto

import type { Long } from '@grpc/proto-loader';

export interface BlobChunk {
  'totalBytes'?: (number | string | Long);
  'data'?: (Buffer | Uint8Array | string);
}

export interface BlobChunk__Output {
  'totalBytes': (number);
  'data': (Buffer);
}
