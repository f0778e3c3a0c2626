// Original file: proto/stagecoach/v1/cluster.proto


export interface Welcome {
  'cluster'?: (string);
  'heartbeatIntervalMs'?: (number);
  /**
   * Empty when the cluster has no events.
   */
  'natsUrl'?: (string);
}

export interface Welcome__Output {
  'cluster': (string);
  'heartbeatIntervalMs': (number);
  /**
   * Empty when the cluster has no events.
   */
  'natsUrl': (string);
}
