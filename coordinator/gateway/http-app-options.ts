import type { Logger } from "../../common/log.js";
import type { Metrics } from "../../common/metrics.js";
import type { Inference } from "../inference/inference.js";

/** Whether requests can be answered now. */
export interface ServingStatus {
  readonly serving: boolean;
  /** Why not, for people. */
  readonly detail: string;
}

/** What the HTTP gateway is made from. */
export interface HttpAppOptions {
  readonly inference: Inference;
  readonly status: () => ServingStatus;
  readonly log: Logger;
  readonly metrics: Metrics;
}
