import type { ActivationDtype } from "../../common/tensor.js";
import type { Manifest } from "../../model/store/manifest.js";
import type { Plan } from "../planner/types.js";
import type { TargetItl } from "../scheduler/prompt-budget.js";
import type { Batching } from "../scheduler/types.js";
import type { PipelineObserver, PipelineOptions } from "./pipeline.js";
import type { StageClient } from "./stage-client.js";

/** Limits that an operator sets for a pipeline. */
export interface PipelineLimits {
  readonly maxSequences: number;
  /** Tokens a micro-batch. */
  readonly tokenBudget: number;
  readonly maxContext: number;
  readonly maxWaiting: number;
  readonly maxWaitingTokens: number;
  readonly blockSize: number;
  /** How hidden states travel between stages. */
  readonly activationDtype: ActivationDtype;
  readonly prefixCache: boolean;
  readonly targetItlMs: TargetItl;
  readonly batching: Batching;
}

/** What a pipeline is opened from. */
export interface OpenPipelineOptions {
  readonly epoch: number;
  readonly plan: Plan;
  readonly manifest: Manifest;
  /** The stages' workers, in the plan's order. */
  readonly clients: readonly StageClient[];
  /** host:port of this coordinator's Cluster service. */
  readonly blobAddress: string;
  readonly limits: PipelineLimits;
  readonly onProgress: (doneBytes: number, totalBytes: number) => void;
  readonly onBroken: PipelineOptions["onBroken"];
  readonly observers: readonly PipelineObserver[];
  readonly signal: AbortSignal;
}
