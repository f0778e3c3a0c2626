import { StagecoachError } from "../../common/errors.js";
import { Scheduler } from "../scheduler/scheduler.js";
import { loadStages } from "./load-stages.js";
import type { OpenPipelineOptions } from "./open-pipeline-options.js";
import { Pipeline } from "./pipeline.js";
import type { StageClient } from "./stage-client.js";
import { openStageWays } from "./stage-ways.js";

/** What the coordinator takes to make the next step of an answer, on the way from the last stage to the first. */
const handlingMs = 1;
/** Steps are sent ahead where that saves at least so much of a round: a new request waits for a round more. */
const worthwhileShare = 0.05;

/** A pipeline that serves, and how to let go of it. */
export interface OpenedPipeline {
  readonly pipeline: Pipeline;
  readonly scheduler: Scheduler;
  readonly blockCount: number;
  /** Tokens of a block. */
  readonly blockSize: number;
  /** Ends its streams; requests still running fail. */
  close(reason: StagecoachError): void;
}

/**
 * Loads every stage, waits until all are ready, and joins them: each stage already knows the address of the
 * next, the coordinator opens the way in and listens to what each stage says.
 */
export async function openPipeline(options: OpenPipelineOptions): Promise<OpenedPipeline> {
  const { epoch, plan, clients, limits } = options;
  const [first, ...others] = clients;
  if (first === undefined) throw new StagecoachError("INTERNAL", "the plan has no stages");
  const last = others.at(-1) ?? first;
  const ready = await loadStages(options);
  const wanted = limits.maxSequences * Math.ceil(limits.maxContext / limits.blockSize);
  const blockCount = Math.min(wanted, ...ready.map((stage) => stage.blockCount));
  const scheduler = new Scheduler({
    laneCount: plan.laneCount,
    blockCount,
    sendAheadBelowMs: await aheadLimitMs(first, last, options),
    beginsInsideBlocks: ready.every((stage) => stage.beginsInsideBlocks),
    ...limits,
  });
  const frames = await openStageWays([first, ...others], epoch, {
    onOutput: (output) => pipeline.receive(output),
    onBroken: (reason) => pipeline.break(reason),
  });
  if (options.signal.aborted) {
    frames.close();
    throw options.signal.reason;
  }
  const pipeline: Pipeline = new Pipeline({
    epoch,
    laneCount: plan.laneCount,
    maxContext: Math.min(limits.maxContext, blockCount * limits.blockSize),
    scheduler,
    frames,
    onBroken: options.onBroken,
    observers: options.observers,
  });
  return {
    pipeline,
    scheduler,
    blockCount,
    blockSize: limits.blockSize,
    close: (reason) => {
      pipeline.break(reason);
      frames.close();
    },
  };
}

/** See SchedulerOptions: a stage alone has its tokens itself, the first of several wants a link to the last. */
async function aheadLimitMs(
  first: StageClient,
  last: StageClient,
  { epoch, plan }: OpenPipelineOptions,
): Promise<number> {
  if (first === last) return Number.POSITIVE_INFINITY;
  if (!(await first.takeTokens(epoch, last.address))) return 0;
  const hopBackMs = plan.stages.at(-1)?.hopMs ?? 0;
  return (handlingMs + hopBackMs) / worthwhileShare;
}
