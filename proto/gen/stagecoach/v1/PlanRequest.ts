// Original file: proto/stagecoach/v1/cluster.proto


export interface PlanRequest {
  /**
   * 0 lets the planner choose.
   */
  'stages'?: (number);
}

export interface PlanRequest__Output {
  /**
   * 0 lets the planner choose.
   */
  'stages': (number);
}
