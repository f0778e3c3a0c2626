import { periodMs, timingOf } from "./assignment.js";
import { type Shape, tokensPerSecond } from "./choice.js";
import { OrderSearch } from "./order-search.js";

/** How good an order looks; layers without a place come first. */
export interface Estimate {
  readonly layersLeft: number;
  /** Micro-batches of the same total of sequences a millisecond: comparable between shapes. */
  readonly rate: number;
}

/** What a shape's order would reach with its stages filled one after another. */
export function estimateOrder({ cost, inFlight, onTheWay }: Shape, order: readonly number[]): Estimate {
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
  return { layersLeft: 0, rate: tokensPerSecond(1 / inFlight, periodMs(timing, onTheWay)) };
}

export function compareEstimates(a: Estimate, b: Estimate): number {
  return a.layersLeft - b.layersLeft || b.rate - a.rate;
}
