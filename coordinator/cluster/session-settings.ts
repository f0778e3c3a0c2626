import type { Logger } from "../../common/log.js";
import type { PipelineLimits } from "../pipeline/open-pipeline-options.js";
import type { PipelineObserver } from "../pipeline/pipeline.js";
import type { ServedModel } from "./served-model.js";

/** Limits of each pipeline, but for what goes by the model's variant; some may be left to its devices. */
export type ClusterLimits = Omit<PipelineLimits, "blockSize" | "tokenBudget" | "activationDtype"> & {
  readonly blockSize: number | "auto";
  readonly tokenBudget: number | "auto";
};

/** What all pipelines of a cluster have in common. */
export interface SessionSettings {
  readonly model: ServedModel;
  /** Of one pipeline. */
  readonly limits: ClusterLimits;
  /** host:port of this coordinator's Cluster service, for blobs. */
  readonly blobAddress: () => string;
  /** Exactly so many stages; absent lets the planner choose. */
  readonly stages?: number;
  /** Sequences decoding at once in one pipeline, for which the plan is made. */
  readonly concurrency: number;
  readonly log: Logger;
  readonly observers: readonly PipelineObserver[];
}
