import type { CostModel } from "./cost-model.js";

/**
 * How far a stage that is not the last gets from `firstLayer`: the largest end up to `mostEnd` for which time
 * and memory suffice. It is `firstLayer` itself when memory has no room for that very layer though it has for
 * others; undefined when the worker can hold no layer within the limit.
 */
export function furthestEnd(
  cost: CostModel,
  limitMs: number,
  worker: number,
  firstLayer: number,
  mostEnd: number,
  first: boolean,
): number | undefined {
  const layers = cost.mostLayers(worker, limitMs, first);
  if (layers === 0 || !cost.memory.holdsAnyLayer(worker)) return undefined;
  const inTime = Math.min(mostEnd, firstLayer + layers);
  if (cost.memory.fits(worker, firstLayer, inTime, first, false)) return inTime;
  let low = firstLayer;
  let high = inTime;
  while (high - low > 1) {
    const end = (low + high) >> 1;
    if (cost.memory.fits(worker, firstLayer, end, first, false)) low = end;
    else high = end;
  }
  return low;
}

/** Whether a worker can be the last stage from `firstLayer` on, within the limit and its memory. */
export function canEnd(
  cost: CostModel,
  limitMs: number,
  worker: number,
  firstLayer: number,
  first: boolean,
): boolean {
  const { layerCount } = cost;
  return (
    cost.stageMs(worker, layerCount - firstLayer, first, true) <= limitMs &&
    cost.memory.fits(worker, firstLayer, layerCount, first, true)
  );
}

/** Every time that one of these workers' stages, or a link between them, could take; ascending, no doubles. */
export function possibleLimits(cost: CostModel, workers: readonly number[]): Float64Array {
  const limits = new Set<number>();
  for (const worker of workers) {
    for (let layers = 0; layers <= cost.layerCount; layers++) {
      for (const first of [false, true]) {
        for (const last of [false, true]) limits.add(cost.stageMs(worker, layers, first, last));
      }
    }
    for (const other of [...workers, cost.coordinator]) {
      limits.add(cost.transferMs(worker, other));
      limits.add(cost.transferMs(other, worker));
    }
  }
  return Float64Array.from(limits).sort();
}
