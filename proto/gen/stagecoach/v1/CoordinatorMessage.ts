// Original file: proto/stagecoach/v1/cluster.proto

import type { Welcome as _stagecoach_v1_Welcome, Welcome__Output as _stagecoach_v1_Welcome__Output } from '../../stagecoach/v1/Welcome.js';
import type { Leave as _stagecoach_v1_Leave, Leave__Output as _stagecoach_v1_Leave__Output } from '../../stagecoach/v1/Leave.js';

export interface CoordinatorMessage {
  'welcome'?: (_stagecoach_v1_Welcome | null);
  'leave'?: (_stagecoach_v1_Leave | null);
  'payload'?: "welcome"|"leave";
}

export interface CoordinatorMessage__Output {
  'welcome'?: (_stagecoach_v1_Welcome__Output | null);
  'leave'?: (_stagecoach_v1_Leave__Output | null);
  'payload'?: "welcome"|"leave";
}
