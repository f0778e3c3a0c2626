// Original file: proto/stagecoach/v1/inference.proto

import type { Long } from '@grpc/proto-loader';

export interface ModelInfo {
  'id'?: (string);
  'variant'?: (string);
  'maxContext'?: (number);
  'vocabularySize'?: (number);
  'createdUnixSeconds'?: (number | string | Long);
}

export interface ModelInfo__Output {
  'id': (string);
  'variant': (string);
  'maxContext': (number);
  'vocabularySize': (number);
  'createdUnixSeconds': (number);
}
