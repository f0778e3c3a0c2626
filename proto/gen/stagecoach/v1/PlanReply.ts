// Original file: proto/stagecoach/v1/cluster.proto


export interface PlanReply {
  /**
   * The plan as the planner prints it with --json, UTF-8 JSON.
   */
  'planJson'?: (Buffer | Uint8Array | string);
}

export interface PlanReply__Output {
  /**
   * The plan as the planner prints it with --json, UTF-8 JSON.
   */
  'planJson': (Buffer);
}
