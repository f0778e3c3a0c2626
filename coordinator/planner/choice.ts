import { type Assignment, onTheWay, periodMs, type Timing, timingOf } from "./assignment.js";
import { batchesOf, CostModel } from "./cost-model.js";
import type { PlanRequest } from "./types.js";

/** A hop shorter than this share of the slowest stage is hidden well enough by as many lanes as stages. */
const extraLaneFrom = 0.05;

/**
 * What an extra lane has to gain to be taken: it makes micro-batches smaller, and prompts travel in smaller pieces,
 * whose cost is not in the rate of decoding; and links are timed less exactly than stages.
 */
const extraLaneGain = 1.05;

/** So many stages and lanes, and what a micro-batch then costs. */
export interface Shape {
  readonly stageCount: number;
  readonly laneCount: number;
  /** Micro-batches that circulate: no more than there are sequences to fill them evenly. */
  readonly inFlight: number;
  /** See `onTheWay` of assignment.ts. */
  readonly onTheWay: number;
  readonly cost: CostModel;
}

/** An assignment in a shape, and what it promises. */
export interface Choice extends Shape {
  readonly assignment: Assignment;
  readonly timing: Timing;
  readonly periodMs: number;
  readonly tokensPerSecond: number;
}

/**
 * All shapes to consider: as many lanes as stages, or one more, which a stage alone does not need, for it is sent steps
 * ahead; and fewer where stages share a device, which computes
 * one micro-batch at a time, and larger ones faster.
 * @param sharing stages that may have to take turns with others
 */
export function shapesOf(request: PlanRequest, stageCounts: readonly number[], sharing = 0): Shape[] {
  const { concurrency, promptTokensPerToken = 0 } = request;
  const costs = new Map<number, CostModel>();
  return stageCounts.flatMap((stageCount) => {
    const fewest = Math.max(1, stageCount - sharing);
    const most = stageCount === 1 ? 1 : stageCount + 1;
    return Array.from({ length: most + 1 - fewest }, (_, index) => {
      const laneCount = fewest + index;
      const { rows, inFlight } = batchesOf(concurrency, laneCount);
      const load = { kind: "decode" as const, rows, promptTokens: rows * promptTokensPerToken };
      const cost = costs.get(rows) ?? new CostModel(request, load);
      costs.set(rows, cost);
      return { stageCount, laneCount, inFlight, onTheWay: onTheWay(stageCount, inFlight), cost };
    });
  });
}

/** Undefined when the shape has a lane more than its hops need. */
export function choiceOf(request: PlanRequest, shape: Shape, assignment: Assignment): Choice | undefined {
  const timing = timingOf(shape.cost, assignment);
  const slowestStageMs = Math.max(...timing.stageMs, shape.cost.sharedMs(assignment.order, timing.stageMs));
  const extraLane = shape.laneCount > shape.stageCount;
  if (extraLane && !(Math.max(...timing.hopMs) > extraLaneFrom * slowestStageMs)) return undefined;
  const period = periodMs(timing, shape.onTheWay);
  return {
    ...shape,
    assignment,
    timing,
    periodMs: period,
    tokensPerSecond: tokensPerSecond(request.concurrency / shape.inFlight, period),
  };
}

/**
 * The better of two: more tokens a second (well more where it takes an extra lane), then fewer stages beside others on
 * one device, then the shorter way, then fewer stages, then fewer lanes.
 */
export function betterOf(a: Choice | undefined, b: Choice | undefined): Choice | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  const order =
    compare(meritOf(b, b.tokensPerSecond), meritOf(a, a.tokensPerSecond)) ||
    secondStages(a) - secondStages(b) ||
    compare(a.timing.totalMs, b.timing.totalMs) ||
    a.stageCount - b.stageCount ||
    a.laneCount - b.laneCount;
  return order <= 0 ? a : b;
}

/** Stages on devices that have one already. */
function secondStages({ cost, assignment }: Choice): number {
  return assignment.order.length - cost.deviceCount(assignment.order);
}

/** What a rate counts for in a shape, when choices are compared. */
export function meritOf({ laneCount, stageCount }: Shape, rate: number): number {
  return laneCount > stageCount ? rate / extraLaneGain : rate;
}

/** `rows` tokens every `everyMs`; times below a nanosecond count as one, so that the result is finite. */
export function tokensPerSecond(rows: number, everyMs: number): number {
  return (rows / Math.max(everyMs, 1e-6)) * 1000;
}

/** Sums in another order differ in their last digits, which should decide nothing. */
function compare(a: number, b: number): number {
  return Math.abs(a - b) <= 1e-9 * Math.max(Math.abs(a), Math.abs(b)) ? 0 : a - b;
}
