// Original file: proto/stagecoach/v1/cluster.proto


export interface DrainRequest {
  'workerId'?: (string);
}

export interface DrainRequest__Output {
  'workerId': (string);
}
