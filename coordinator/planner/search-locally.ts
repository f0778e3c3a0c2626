import { betterOf, type Choice, choiceOf, type Shape } from "./choice.js";
import type { CostModel } from "./cost-model.js";
import { compareEstimates, estimateOrder } from "./estimate-order.js";
import { minimisePeriod } from "./minimise-period.js";
import { OrderSearch } from "./order-search.js";
import type { PlanRequest } from "./types.js";

/** Shapes whose orders are improved; the others keep their first guess. */
const shapesToImprove = 4;
/** Orders tried a shape. */
const triesPerShape = 2_500;

/**
 * A good choice for more workers than can be searched exactly: the fastest workers in a short chain, improved by
 * swapping places and members while that helps; cuts are exact. No randomness: the same request, the same plan.
 */
export function searchLocally(request: PlanRequest, shapes: readonly Shape[]): Choice | undefined {
  const guesses = shapes
    .map((shape) => {
      const order = firstOrder(shape);
      return { shape, order, estimate: estimateOrder(shape, order) };
    })
    .sort((a, b) => compareEstimates(a.estimate, b.estimate));
  let best: Choice | undefined;
  for (const [rank, { shape, order }] of guesses.entries()) {
    if (rank >= shapesToImprove && best !== undefined) break;
    const improved = improve(shape, order);
    const assignment = minimisePeriod(new OrderSearch(shape.cost, improved), shape.onTheWay);
    if (assignment !== undefined) best = betterOf(best, choiceOf(request, shape, assignment));
  }
  return best;
}

/** The fastest workers, each followed by the one that is nearest to it. */
function firstOrder({ cost, stageCount }: Shape): number[] {
  const usable = [...Array(cost.workerCount).keys()];
  const fastest = usable
    .sort(
      (a, b) =>
        Number(cost.memory.holdsAnyLayer(b)) - Number(cost.memory.holdsAnyLayer(a)) ||
        cost.layerMs(a) - cost.layerMs(b) ||
        a - b,
    )
    .slice(0, stageCount);
  const order: number[] = [];
  let from = cost.coordinator;
  while (fastest.length > 0) {
    const nearest = fastest.reduce((best, each) =>
      cost.hopMs(from, each) < cost.hopMs(from, best) ? each : best,
    );
    order.push(nearest);
    fastest.splice(fastest.indexOf(nearest), 1);
    from = nearest;
  }
  return order;
}

/** Takes every change that helps, until none does or the tries are used up. */
function improve(shape: Shape, start: readonly number[]): readonly number[] {
  let order = start;
  let reached = estimateOrder(shape, order);
  let tries = 0;
  for (let improved = true; improved && tries < triesPerShape; ) {
    improved = false;
    for (const neighbour of neighboursOf(shape.cost, order)) {
      if (tries++ >= triesPerShape) break;
      const attempt = estimateOrder(shape, neighbour);
      if (compareEstimates(attempt, reached) >= 0) continue;
      order = neighbour;
      reached = attempt;
      improved = true;
      break;
    }
  }
  return order;
}

/** Orders one change away: any member replaced, any two swapped, any one moved elsewhere. */
function* neighboursOf(cost: CostModel, order: readonly number[]): Generator<number[]> {
  const outside = [...Array(cost.workerCount).keys()].filter((worker) => !order.includes(worker));
  for (let at = order.length - 1; at >= 0; at--) {
    for (const worker of outside) yield order.with(at, worker);
  }
  for (let second = order.length - 1; second > 0; second--) {
    for (let first = second - 1; first >= 0; first--) {
      const a = order[first] as number;
      yield order.with(first, order[second] as number).with(second, a);
    }
  }
  for (let from = order.length - 1; from >= 0; from--) {
    const rest = order.toSpliced(from, 1);
    for (let to = 0; to < order.length; to++) {
      if (Math.abs(to - from) > 1) yield rest.toSpliced(to, 0, order[from] as number);
    }
  }
}
