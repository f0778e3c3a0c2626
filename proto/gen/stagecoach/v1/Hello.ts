// Original file: proto/stagecoach/v1/cluster.proto

import type { Long } from '@grpc/proto-loader';

export interface Hello {
  /**
   * Chosen by the operator or made from the host name; unique in the cluster.
   */
  'workerId'?: (string);
  /**
   * New at every start of the process, so that ghosts cannot be.
   */
  'incarnation'?: (string);
  /**
   * stagecoach's version; workers of another version are refused.
   */
  'version'?: (string);
  /**
   * host:port where the coordinator and other stages reach this worker.
   */
  'address'?: (string);
  /**
   * cpu, cuda:N, webgpu, webgpu:N, simulated.
   */
  'device'?: (string);
  'threads'?: (number);
  'totalMemoryBytes'?: (number | string | Long);
  'freeMemoryBytes'?: (number | string | Long);
  'processId'?: (number);
  /**
   * The GPU that it computes on, the same for all who compute on it; empty
   * where it has processors of its own.
   */
  'deviceId'?: (string);
}

export interface Hello__Output {
  /**
   * Chosen by the operator or made from the host name; unique in the cluster.
   */
  'workerId': (string);
  /**
   * New at every start of the process, so that ghosts cannot be.
   */
  'incarnation': (string);
  /**
   * stagecoach's version; workers of another version are refused.
   */
  'version': (string);
  /**
   * host:port where the coordinator and other stages reach this worker.
   */
  'address': (string);
  /**
   * cpu, cuda:N, webgpu, webgpu:N, simulated.
   */
  'device': (string);
  'threads': (number);
  'totalMemoryBytes': (number);
  'freeMemoryBytes': (number);
  'processId': (number);
  /**
   * The GPU that it computes on, the same for all who compute on it; empty
   * where it has processors of its own.
   */
  'deviceId': (string);
}
