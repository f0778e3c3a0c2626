import { StagecoachError } from "../../common/errors.js";
import type { TokenEvent } from "../inference/types.js";
import type { Pipeline } from "../pipeline/pipeline.js";
import type { Scheduler } from "../scheduler/scheduler.js";
import type { SequenceRequest } from "../scheduler/types.js";
import type { PipelineSession } from "./pipeline-session.js";
import type { RequestRouter, Target } from "./routing/request-router.js";

/** As much of a pipeline's session as sending requests to it takes. */
export type SubmitTarget = Pick<PipelineSession, "replica" | "ready" | "plan"> & {
  readonly opened:
    | {
        readonly pipeline: Pick<Pipeline, "submit" | "serves">;
        readonly scheduler: Pick<Scheduler, "snapshot">;
        readonly blockSize: number;
      }
    | undefined;
};

/**
 * Sends a request to the pipeline that the router finds best; one that is full passes it on to the next best.
 * @returns undefined when none serves
 * @throws StagecoachError RESOURCE_EXHAUSTED when all are full, and what a pipeline refuses the request for
 */
export function submitToReplicas(
  pipelines: readonly SubmitTarget[],
  router: RequestRouter,
  request: SequenceRequest,
  signal: AbortSignal,
): AsyncIterable<TokenEvent> | undefined {
  const targets = pipelines.flatMap((pipeline) => targetOf(pipeline));
  const { order, took } = router.route(request.promptIds, targets);
  // A fork shares its origin's blocks, which are in one pipeline only.
  const hasOrigin = ({ replica }: Target) => serves(pipelines[replica], request.forkOf);
  let full: unknown;
  for (const { replica } of [...order.filter(hasOrigin), ...order.filter((each) => !hasOrigin(each))]) {
    try {
      const events = pipelines[replica]?.opened?.pipeline.submit(request, signal);
      if (events === undefined) continue;
      took(replica);
      return events;
    } catch (reason) {
      if (StagecoachError.from(reason).code !== "RESOURCE_EXHAUSTED") throw reason;
      full ??= reason;
    }
  }
  if (full !== undefined) throw full;
  return undefined;
}

function targetOf({ replica, ready, opened, plan }: SubmitTarget): Target[] {
  if (!ready || opened === undefined) return [];
  const { running, waiting } = opened.scheduler.snapshot();
  const { blockSize } = opened;
  return [{ replica, load: running + waiting, speed: plan?.decodeTokensPerSecond ?? 1, blockSize }];
}

function serves(session: SubmitTarget | undefined, requestId: string | undefined): boolean {
  return requestId !== undefined && (session?.opened?.pipeline.serves(requestId) ?? false);
}
