// Original file: proto/stagecoach/v1/cluster.proto


export interface PlanRequest {
  /**
   * 0 asks for the plan that runs.
   */
  'stages'?: (number);
}

export interface PlanRequest__Output {
  /**
   * 0 asks for the plan that runs.
   */
  'stages': (number);
}
