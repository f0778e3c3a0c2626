import type { CostModel } from "./cost-model.js";

/** Workers in the order of their stages, and the layer at which each stage ends. */
export interface Assignment {
  readonly order: readonly number[];
  readonly ends: readonly number[];
}

/** What an assignment takes for the cost model's load, milliseconds. */
export interface Timing {
  readonly stageMs: readonly number[];
  /** Into the first stage, between stages, and back to the coordinator: one more than stages. */
  readonly hopMs: readonly number[];
  /** The longest that one stage, a device that several stages share, or one link is occupied. */
  readonly slowestMs: number;
  /** Once through everything. */
  readonly totalMs: number;
}

export function timingOf(cost: CostModel, { order, ends }: Assignment): Timing {
  const last = order.length - 1;
  const stageMs = order.map((worker, index) =>
    cost.stageMs(worker, (ends[index] ?? 0) - (ends[index - 1] ?? 0), index === 0, index === last),
  );
  const path = [cost.coordinator, ...order, cost.coordinator];
  const steps = path.slice(1).map((to, index) => [path[index] as number, to] as const);
  const hopMs = steps.map(([from, to]) => cost.hopMs(from, to));
  const transfers = steps.map(([from, to]) => cost.transferMs(from, to));
  return {
    stageMs,
    hopMs,
    slowestMs: Math.max(...stageMs, ...transfers, cost.sharedMs(order, stageMs)),
    totalMs: stageMs.reduce((sum, each) => sum + each, 0) + hopMs.reduce((sum, each) => sum + each, 0),
  };
}

/**
 * Micro-batches that may be on the way at once where `inFlight` circulate: a stage alone is sent the next one ahead of
 * its answer.
 */
export function onTheWay(stageCount: number, inFlight: number): number {
  return stageCount === 1 ? 2 * inFlight : inFlight;
}

/**
 * Time from one micro-batch to the next when so many are on the way: the slowest stage or link, or the whole way
 * shared by those that are on it.
 */
export function periodMs(
  { slowestMs, totalMs }: Pick<Timing, "slowestMs" | "totalMs">,
  count: number,
): number {
  return Math.max(slowestMs, totalMs / count);
}
