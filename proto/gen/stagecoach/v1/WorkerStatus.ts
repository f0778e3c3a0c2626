// Original file: proto/stagecoach/v1/cluster.proto

import type { StageState as _stagecoach_v1_StageState, StageState__Output as _stagecoach_v1_StageState__Output } from '../../stagecoach/v1/StageState.js';
import type { Long } from '@grpc/proto-loader';

export interface WorkerStatus {
  'workerId'?: (string);
  'incarnation'?: (string);
  'address'?: (string);
  'device'?: (string);
  'threads'?: (number);
  /**
   * Index of its stage in the pipeline; absent when it holds none.
   */
  'stageIndex'?: (number);
  'stage'?: (_stagecoach_v1_StageState | null);
  'freeMemoryBytes'?: (number | string | Long);
  'residentBytes'?: (number | string | Long);
  'processId'?: (number);
  'lastHeartbeatAgeMs'?: (number | string);
  /**
   * Shares of wall time over the last ten seconds.
   */
  'busyShare'?: (number | string);
  'waitInShare'?: (number | string);
  'waitOutShare'?: (number | string);
  'sendShare'?: (number | string);
  /**
   * Index of its pipeline; absent where there is only one.
   */
  'replica'?: (number);
  /**
   * The part of wait_in_share in which work was under way elsewhere in the pipeline.
   */
  'bubbleShare'?: (number | string);
  '_stageIndex'?: "stageIndex";
  '_replica'?: "replica";
}

export interface WorkerStatus__Output {
  'workerId': (string);
  'incarnation': (string);
  'address': (string);
  'device': (string);
  'threads': (number);
  /**
   * Index of its stage in the pipeline; absent when it holds none.
   */
  'stageIndex'?: (number);
  'stage': (_stagecoach_v1_StageState__Output | null);
  'freeMemoryBytes': (number);
  'residentBytes': (number);
  'processId': (number);
  'lastHeartbeatAgeMs': (number);
  /**
   * Shares of wall time over the last ten seconds.
   */
  'busyShare': (number);
  'waitInShare': (number);
  'waitOutShare': (number);
  'sendShare': (number);
  /**
   * Index of its pipeline; absent where there is only one.
   */
  'replica'?: (number);
  /**
   * The part of wait_in_share in which work was under way elsewhere in the pipeline.
   */
  'bubbleShare': (number);
  '_stageIndex'?: "stageIndex";
  '_replica'?: "replica";
}
