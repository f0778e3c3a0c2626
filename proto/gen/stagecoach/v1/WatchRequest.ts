// Original file: proto/stagecoach/v1/cluster.proto


export interface WatchRequest {
  /**
   * Longest time between two messages, 100 to 60000; 0 means 1000.
   */
  'intervalMs'?: (number);
}

export interface WatchRequest__Output {
  /**
   * Longest time between two messages, 100 to 60000; 0 means 1000.
   */
  'intervalMs': (number);
}
