// Original file: proto/stagecoach/v1/stage.proto

import type { LinkPurpose as _stagecoach_v1_LinkPurpose, LinkPurpose__Output as _stagecoach_v1_LinkPurpose__Output } from '../../stagecoach/v1/LinkPurpose.js';
import type { Long } from '@grpc/proto-loader';

export interface OpenLinkRequest {
  'epoch'?: (number | string | Long);
  'purpose'?: (_stagecoach_v1_LinkPurpose);
}

export interface OpenLinkRequest__Output {
  'epoch': (number);
  'purpose': (_stagecoach_v1_LinkPurpose__Output);
}
