// Original file: proto/stagecoach/v1/cluster.proto

import type { WorkerStatus as _stagecoach_v1_WorkerStatus, WorkerStatus__Output as _stagecoach_v1_WorkerStatus__Output } from '../../stagecoach/v1/WorkerStatus.js';
import type { ReplicaStatus as _stagecoach_v1_ReplicaStatus, ReplicaStatus__Output as _stagecoach_v1_ReplicaStatus__Output } from '../../stagecoach/v1/ReplicaStatus.js';
import type { DecodeRate as _stagecoach_v1_DecodeRate, DecodeRate__Output as _stagecoach_v1_DecodeRate__Output } from '../../stagecoach/v1/DecodeRate.js';
import type { LaneStatus as _stagecoach_v1_LaneStatus, LaneStatus__Output as _stagecoach_v1_LaneStatus__Output } from '../../stagecoach/v1/LaneStatus.js';
import type { Long } from '@grpc/proto-loader';

export interface ClusterStatus {
  'cluster'?: (string);
  'version'?: (string);
  'epoch'?: (number | string | Long);
  /**
   * WAITING_FOR_WORKERS, MEASURING, LOADING, SERVING, FAILED, STOPPING.
   */
  'state'?: (string);
  'stateDetail'?: (string);
  'model'?: (string);
  'variant'?: (string);
  'workers'?: (_stagecoach_v1_WorkerStatus)[];
  'requestsRunning'?: (number);
  'requestsWaiting'?: (number);
  'blocksUsed'?: (number);
  'blocksTotal'?: (number);
  /**
   * Tokens generated a second over the last ten seconds.
   */
  'generationTokensPerSecond'?: (number | string);
  'promptTokensPerSecond'?: (number | string);
  /**
   * "on", or why events are off.
   */
  'events'?: (string);
  'uptimeSeconds'?: (number | string);
  'laneCount'?: (number);
  /**
   * One entry a pipeline; requests and blocks above are the sums.
   */
  'replicas'?: (_stagecoach_v1_ReplicaStatus)[];
  /**
   * Decoding as predicted and as achieved, by concurrency, ascending.
   */
  'decodeRates'?: (_stagecoach_v1_DecodeRate)[];
  /**
   * What each lane has under way.
   */
  'lanes'?: (_stagecoach_v1_LaneStatus)[];
  /**
   * Time in which at least one micro-batch was under way, since the coordinator's start.
   */
  'inFlightMs'?: (number | string);
  /**
   * Free blocks whose content can still be found; 0 without a prefix cache.
   */
  'blocksCached'?: (number);
  /**
   * Prompt tokens looked up in the prefix cache since the start, and those that it had.
   */
  'prefixQueries'?: (number | string | Long);
  'prefixHits'?: (number | string | Long);
}

export interface ClusterStatus__Output {
  'cluster': (string);
  'version': (string);
  'epoch': (number);
  /**
   * WAITING_FOR_WORKERS, MEASURING, LOADING, SERVING, FAILED, STOPPING.
   */
  'state': (string);
  'stateDetail': (string);
  'model': (string);
  'variant': (string);
  'workers': (_stagecoach_v1_WorkerStatus__Output)[];
  'requestsRunning': (number);
  'requestsWaiting': (number);
  'blocksUsed': (number);
  'blocksTotal': (number);
  /**
   * Tokens generated a second over the last ten seconds.
   */
  'generationTokensPerSecond': (number);
  'promptTokensPerSecond': (number);
  /**
   * "on", or why events are off.
   */
  'events': (string);
  'uptimeSeconds': (number);
  'laneCount': (number);
  /**
   * One entry a pipeline; requests and blocks above are the sums.
   */
  'replicas': (_stagecoach_v1_ReplicaStatus__Output)[];
  /**
   * Decoding as predicted and as achieved, by concurrency, ascending.
   */
  'decodeRates': (_stagecoach_v1_DecodeRate__Output)[];
  /**
   * What each lane has under way.
   */
  'lanes': (_stagecoach_v1_LaneStatus__Output)[];
  /**
   * Time in which at least one micro-batch was under way, since the coordinator's start.
   */
  'inFlightMs': (number);
  /**
   * Free blocks whose content can still be found; 0 without a prefix cache.
   */
  'blocksCached': (number);
  /**
   * Prompt tokens looked up in the prefix cache since the start, and those that it had.
   */
  'prefixQueries': (number);
  'prefixHits': (number);
}
