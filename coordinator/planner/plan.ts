import { periodMs, timingOf } from "./assignment.js";
import { type Choice, shapesOf, tokensPerSecond } from "./choice.js";
import { CostModel } from "./cost-model.js";
import { describeBottleneck } from "./describe-bottleneck.js";
import { explainMisfit } from "./explain-misfit.js";
import { leftOutWorkers } from "./left-out.js";
import { replicaRemarks } from "./replicas.js";
import { searchExactly } from "./search-exactly.js";
import { searchLocally } from "./search-locally.js";
import type { Plan, PlannedStage, PlanRequest } from "./types.js";
import { validatePlanRequest } from "./validate-plan-request.js";

/** Up to so many workers, every choice and order of them is searched. */
const exactUpTo = 8;
/** Tokens of the prefill chunk that predictions are for. */
const chunkTokens = 128;

/**
 * Cuts a model over workers by what was measured of them: which workers, in which order, with which layers, so
 * that most tokens a second are decoded at the concurrency asked for; the slowest stage or link decides, and the
 * whole way where too few micro-batches are on it. Equal plans: the one with the shorter way, then fewer stages.
 * A worker that would slow the pipeline down is left out. The same request gives the same plan, whatever the
 * order of its workers.
 * @throws StagecoachError INVALID_ARGUMENT for a request that makes no sense, FAILED_PRECONDITION with the
 * figures when the model does not fit these workers.
 */
export function makePlan(request: PlanRequest): Plan {
  validatePlanRequest(request);
  const sorted = { ...request, workers: request.workers.toSorted(byWorkerId) };
  const choice = choose(sorted);
  if (choice === undefined) throw explainMisfit(sorted);

  const prefill = new CostModel(sorted, { kind: "prefill", rows: chunkTokens });
  const prefillTiming = timingOf(prefill, choice.assignment);
  const single = timingOf(new CostModel(sorted, { kind: "decode", rows: 1 }), choice.assignment);
  return {
    stages: plannedStages(sorted, choice, prefillTiming.stageMs),
    laneCount: choice.laneCount,
    bottleneck: describeBottleneck(sorted, choice),
    decodeTokensPerSecond: choice.tokensPerSecond,
    prefillTokensPerSecond: tokensPerSecond(chunkTokens, periodMs(prefillTiming, choice.laneCount)),
    singleTokensPerSecond: tokensPerSecond(1, single.totalMs),
    leftOut: leftOutWorkers(sorted, choice),
    remarks: replicaRemarks(sorted, choice),
  };
}

/** Natural order, so that worker-10 comes after worker-2. */
function byWorkerId(a: { workerId: string }, b: { workerId: string }): number {
  return a.workerId.localeCompare(b.workerId, "en", { numeric: true });
}

function choose(request: PlanRequest): Choice | undefined {
  const { model, workers, stages } = request;
  const most = Math.min(workers.length, model.layerCount + 1);
  const stageCounts = stages === undefined ? Array.from({ length: most }, (_, index) => index + 1) : [stages];
  const shapes = shapesOf(request, stageCounts);
  return workers.length <= exactUpTo ? searchExactly(request, shapes) : searchLocally(request, shapes);
}

function plannedStages(request: PlanRequest, choice: Choice, prefillMs: readonly number[]): PlannedStage[] {
  const { cost, assignment, timing } = choice;
  const lastIndex = assignment.order.length - 1;
  return assignment.order.map((worker, index) => {
    const firstLayer = assignment.ends[index - 1] ?? 0;
    const endLayer = assignment.ends[index] as number;
    return {
      workerId: request.workers[worker]?.workerId as string,
      firstLayer,
      endLayer,
      decodeMs: timing.stageMs[index] as number,
      prefillMs: prefillMs[index] as number,
      weightBytes: cost.memory.weightBytes(firstLayer, endLayer, index === 0, index === lastIndex),
      kvBytes: cost.memory.kvBytes(endLayer - firstLayer),
      hopMs: timing.hopMs[index + 1] as number,
    };
  });
}
