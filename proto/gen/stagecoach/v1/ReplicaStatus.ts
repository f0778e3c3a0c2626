// Original file: proto/stagecoach/v1/cluster.proto

import type { Long } from '@grpc/proto-loader';

/**
 * One of several pipelines of the model.
 */
export interface ReplicaStatus {
  'replica'?: (number);
  'epoch'?: (number | string | Long);
  /**
   * As ClusterStatus.state.
   */
  'state'?: (string);
  'stateDetail'?: (string);
  'requestsRunning'?: (number);
  'requestsWaiting'?: (number);
  'blocksUsed'?: (number);
  'blocksTotal'?: (number);
  'laneCount'?: (number);
  /**
   * Tokens of a KV block; 0 while nothing is open.
   */
  'blockSize'?: (number);
}

/**
 * One of several pipelines of the model.
 */
export interface ReplicaStatus__Output {
  'replica': (number);
  'epoch': (number);
  /**
   * As ClusterStatus.state.
   */
  'state': (string);
  'stateDetail': (string);
  'requestsRunning': (number);
  'requestsWaiting': (number);
  'blocksUsed': (number);
  'blocksTotal': (number);
  'laneCount': (number);
  /**
   * Tokens of a KV block; 0 while nothing is open.
   */
  'blockSize': (number);
}
