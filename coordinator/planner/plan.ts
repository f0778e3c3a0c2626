import { onTheWay, periodMs, type Timing, timingOf } from "./assignment.js";
import { type Choice, tokensPerSecond } from "./choice.js";
import { choosePipeline, sortedByName } from "./choose.js";
import { CostModel } from "./cost-model.js";
import { describeBottleneck } from "./describe-bottleneck.js";
import { explainMisfit } from "./explain-misfit.js";
import { leftOutWorkers } from "./left-out.js";
import { predictDecoding } from "./predict.js";
import { replicaRemarks } from "./replicas.js";
import { sharingRemarks } from "./sharing-remarks.js";
import type { Plan, PlannedStage, PlanRequest } from "./types.js";
import { validatePlanRequest } from "./validate-plan-request.js";

/** Tokens of the prefill chunk that predictions are for, unless a request says otherwise. */
const usualChunkTokens = 128;

/**
 * Cuts a model over workers by what was measured of them: which workers, in which order, with which layers, so
 * that most tokens a second are generated at the concurrency asked for, with the prompts that come with them; the slowest stage or link decides, and the
 * whole way where too few micro-batches are on it. Equal plans: the one with the shorter way, then fewer stages.
 * A worker that would slow the pipeline down is left out. The same request gives the same plan, whatever the
 * order of its workers.
 * @throws StagecoachError INVALID_ARGUMENT for a request that makes no sense, FAILED_PRECONDITION with the
 * figures when the model does not fit these workers.
 */
export function makePlan(request: PlanRequest): Plan {
  validatePlanRequest(request);
  const sorted = sortedByName(request);
  const choice = choosePipeline(sorted);
  if (choice === undefined) throw explainMisfit(sorted);

  const { concurrency, chunkTokens = usualChunkTokens } = sorted;
  const rows = concurrency / choice.inFlight;
  const decodeTiming = timingOf(new CostModel(sorted, { kind: "decode", rows }), choice.assignment);
  const prefill = new CostModel(sorted, { kind: "prefill", rows: chunkTokens });
  const prefillTiming = timingOf(prefill, choice.assignment);
  const single = timingOf(new CostModel(sorted, { kind: "decode", rows: 1 }), choice.assignment);
  return {
    stages: plannedStages(sorted, choice, decodeTiming, prefillTiming.stageMs),
    laneCount: choice.laneCount,
    bottleneck: describeBottleneck(sorted, choice),
    decodeTokensPerSecond: tokensPerSecond(rows, periodMs(decodeTiming, choice.onTheWay)),
    prefillTokensPerSecond: tokensPerSecond(
      chunkTokens,
      periodMs(prefillTiming, onTheWay(choice.stageCount, choice.laneCount)),
    ),
    singleTokensPerSecond: tokensPerSecond(1, periodMs(single, onTheWay(choice.stageCount, 1))),
    predictions: predictDecoding(sorted, choice),
    leftOut: leftOutWorkers(sorted, choice),
    remarks: [...sharingRemarks(sorted, choice), ...replicaRemarks(sorted, choice)],
  };
}

function plannedStages(
  request: PlanRequest,
  { cost, assignment }: Choice,
  timing: Timing,
  prefillMs: readonly number[],
): PlannedStage[] {
  const lastIndex = assignment.order.length - 1;
  return assignment.order.map((worker, index) => {
    const firstLayer = assignment.ends[index - 1] ?? 0;
    const endLayer = assignment.ends[index] as number;
    const weights = cost.memory.weights(worker, firstLayer, endLayer, index === 0, index === lastIndex);
    return {
      workerId: request.workers[worker]?.workerId as string,
      firstLayer,
      endLayer,
      decodeMs: timing.stageMs[index] as number,
      prefillMs: prefillMs[index] as number,
      weightBytes: weights.bytes,
      ...(weights.name !== undefined && { weights: weights.name }),
      kvBytes: cost.memory.kvBytes(worker, endLayer - firstLayer),
      hopMs: timing.hopMs[index + 1] as number,
    };
  });
}
