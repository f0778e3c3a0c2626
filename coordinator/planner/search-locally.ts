import { periodMs, timingOf } from "./assignment.js";
import { betterOf, type Choice, choiceOf, type Shape, tokensPerSecond } from "./choice.js";
import type { CostModel } from "./cost-model.js";
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
      return { shape, order, estimate: estimate(shape, order) };
    })
    .sort((a, b) => compareEstimates(a.estimate, b.estimate));
  let best: Choice | undefined;
  for (const [rank, { shape, order }] of guesses.entries()) {
    if (rank >= shapesToImprove && best !== undefined) break;
    const improved = improve(shape, order);
    const assignment = minimisePeriod(new OrderSearch(shape.cost, improved), shape.inFlight);
    if (assignment !== undefined) best = betterOf(best, choiceOf(request, shape, assignment));
  }
  return best;
}

/** How good an order looks; layers without a place come first. */
interface Estimate {
  readonly layersLeft: number;
  /** Micro-batches of the same total of sequences a millisecond: comparable between shapes. */
  readonly rate: number;
}

/** What a shape's order would reach with its stages filled one after another. */
function estimate({ cost, inFlight }: Shape, order: readonly number[]): Estimate {
  const search = new OrderSearch(cost, order);
  const { layersLeft } = search.fill(Infinity);
  if (layersLeft > 0) return { layersLeft, rate: 0 };
  let low = search.slowestTransferMs;
  let high = Math.max(low, ...order.map((worker) => cost.stageMs(worker, cost.layerCount, true, true)));
  for (let turn = 0; turn < 24; turn++) {
    const middle = (low + high) / 2;
    if (search.fill(middle).layersLeft === 0) high = middle;
    else low = middle;
  }
  const timing = timingOf(cost, search.fill(high).assignment);
  return { layersLeft: 0, rate: tokensPerSecond(1 / inFlight, periodMs(timing, inFlight)) };
}

function compareEstimates(a: Estimate, b: Estimate): number {
  return a.layersLeft - b.layersLeft || b.rate - a.rate;
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
      hop(cost, from, each) < hop(cost, from, best) ? each : best,
    );
    order.push(nearest);
    fastest.splice(fastest.indexOf(nearest), 1);
    from = nearest;
  }
  return order;
}

function hop(cost: CostModel, from: number, to: number): number {
  return cost.hopMs(from, to);
}

/** Takes every change that helps, until none does or the tries are used up. */
function improve(shape: Shape, start: readonly number[]): readonly number[] {
  let order = start;
  let reached = estimate(shape, order);
  let tries = 0;
  for (let improved = true; improved && tries < triesPerShape; ) {
    improved = false;
    for (const neighbour of neighboursOf(shape.cost, order)) {
      if (tries++ >= triesPerShape) break;
      const attempt = estimate(shape, neighbour);
      if (compareEstimates(attempt, reached) >= 0) continue;
      order = neighbour;
      reached = attempt;
      improved = true;
      break;
    }
  }
  return order;
}

/** Orders one change away: another worker in the last place, any two swapped, any member replaced. */
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
}
