// Original file: proto/stagecoach/v1/cluster.proto

import type { Hello as _stagecoach_v1_Hello, Hello__Output as _stagecoach_v1_Hello__Output } from '../../stagecoach/v1/Hello.js';
import type { Heartbeat as _stagecoach_v1_Heartbeat, Heartbeat__Output as _stagecoach_v1_Heartbeat__Output } from '../../stagecoach/v1/Heartbeat.js';

export interface WorkerMessage {
  'hello'?: (_stagecoach_v1_Hello | null);
  'heartbeat'?: (_stagecoach_v1_Heartbeat | null);
  'payload'?: "hello"|"heartbeat";
}

export interface WorkerMessage__Output {
  'hello'?: (_stagecoach_v1_Hello__Output | null);
  'heartbeat'?: (_stagecoach_v1_Heartbeat__Output | null);
  'payload'?: "hello"|"heartbeat";
}
