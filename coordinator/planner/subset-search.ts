import type { Assignment } from "./assignment.js";
import { type CostModel, evenedMs } from "./cost-model.js";
import { canEnd, furthestEnd, possibleLimits } from "./furthest-layer.js";
import type { LimitSearch } from "./minimise-period.js";

/**
 * Exact search over every choice, order and cut of `stageCount` among all workers: dynamic programming over
 * (set of workers used, the last of them, layers covered). Time and memory double with every worker.
 */
export class SubsetSearch implements LimitSearch {
  readonly limits: Float64Array;
  readonly #cost: CostModel;
  readonly #stageCount: number;
  /** Sets of workers that leave at least the last stage to others, by size. */
  readonly #masks: readonly number[];

  constructor(cost: CostModel, stageCount: number) {
    this.#cost = cost;
    this.#stageCount = stageCount;
    this.limits = possibleLimits(cost, [...Array(cost.workerCount).keys()]);
    this.#masks = Array.from({ length: 2 ** cost.workerCount }, (_, mask) => mask)
      .filter((mask) => mask > 0 && bitCount(mask) < stageCount)
      .sort((a, b) => bitCount(a) - bitCount(b) || a - b);
  }

  /** Covering more layers with the same workers is never worse, so one number a state suffices. */
  mayFit(limitMs: number): boolean {
    const { coordinator, workerCount } = this.#cost;
    const covered = new Int32Array(2 ** workerCount * workerCount).fill(-1);
    for (let worker = 0; worker < workerCount; worker++) {
      if (this.#cost.transferMs(coordinator, worker) > limitMs) continue;
      if (this.#stageCount === 1) {
        if (this.#endsAt(limitMs, worker, 0, true)) return true;
        continue;
      }
      covered[(1 << worker) * workerCount + worker] =
        furthestEnd(this.#cost, limitMs, worker, 0, this.#mostEnd(1), true) ?? -1;
    }
    for (const mask of this.#masks) {
      const size = bitCount(mask);
      for (let last = 0; last < workerCount; last++) {
        const firstLayer = covered[mask * workerCount + last] as number;
        if (firstLayer < 0) continue;
        for (let worker = 0; worker < workerCount; worker++) {
          if ((mask & (1 << worker)) !== 0 || this.#cost.transferMs(last, worker) > limitMs) continue;
          if (size + 1 === this.#stageCount) {
            if (this.#endsAt(limitMs, worker, firstLayer, false)) return true;
            continue;
          }
          const most = this.#mostEnd(size + 1);
          const end = furthestEnd(this.#cost, limitMs, worker, firstLayer, most, false) ?? -1;
          const at = (mask | (1 << worker)) * workerCount + worker;
          if (end > (covered[at] as number)) covered[at] = end;
        }
      }
    }
    return false;
  }

  leastTotal(limitMs: number): { assignment: Assignment; totalMs: number } | undefined {
    return new LeastTotal(this.#cost, this.#stageCount, this.#masks, limitMs).run();
  }

  #endsAt(limitMs: number, worker: number, firstLayer: number, first: boolean): boolean {
    return (
      this.#cost.transferMs(worker, this.#cost.coordinator) <= limitMs &&
      canEnd(this.#cost, limitMs, worker, firstLayer, first)
    );
  }

  /** Stages still to come, except the last, need a layer each. */
  #mostEnd(stagesSoFar: number): number {
    return this.#cost.layerCount - (this.#stageCount - 1 - stagesSoFar);
  }
}

/** One pass for one limit: the least time in which each state can be reached. */
class LeastTotal {
  readonly #cost: CostModel;
  readonly #stageCount: number;
  readonly #masks: readonly number[];
  readonly #limitMs: number;
  readonly #totalMs: Float64Array;
  /** The state before, by index; states are (mask, last worker, layers covered). */
  readonly #before: Int32Array;
  /** How far a stage that is neither first nor last gets, by worker and first layer. */
  readonly #ends: Int32Array;
  /** Evened times of stages that are not the last, by worker and layers. */
  readonly #stageMs: readonly Float64Array[];
  readonly #firstStageMs: readonly Float64Array[];
  #bestMs = Infinity;
  #best: { before: number; worker: number } | undefined;

  constructor(cost: CostModel, stageCount: number, masks: readonly number[], limitMs: number) {
    this.#cost = cost;
    this.#stageCount = stageCount;
    this.#masks = masks;
    this.#limitMs = limitMs;
    const states = stageCount === 1 ? 0 : 2 ** cost.workerCount * cost.workerCount * (cost.layerCount + 1);
    this.#totalMs = new Float64Array(states).fill(Infinity);
    this.#before = new Int32Array(states).fill(-1);
    const { workerCount, layerCount } = cost;
    const times = (first: boolean): Float64Array[] =>
      Array.from({ length: workerCount }, (_, worker) =>
        Float64Array.from({ length: layerCount + 1 }, (_, layers) =>
          evenedMs(cost.stageMs(worker, layers, first, false), limitMs),
        ),
      );
    this.#stageMs = times(false);
    this.#firstStageMs = times(true);
    this.#ends = Int32Array.from({ length: workerCount * (layerCount + 1) }, (_, at) => {
      const from = at % (layerCount + 1);
      const worker = (at - from) / (layerCount + 1);
      return furthestEnd(cost, limitMs, worker, from, layerCount, false) ?? from;
    });
  }

  run(): { assignment: Assignment; totalMs: number } | undefined {
    const { workerCount, layerCount, coordinator } = this.#cost;
    for (let worker = 0; worker < workerCount; worker++) this.#extend(-1, 0, coordinator, 0, 0, worker);
    for (const mask of this.#masks) {
      // From the highest on: of equal orders the first by index is kept.
      for (let last = workerCount - 1; last >= 0; last--) {
        if ((mask & (1 << last)) === 0) continue;
        for (let covered = 1; covered <= layerCount; covered++) {
          const state = this.#stateOf(mask, last, covered);
          const soFarMs = this.#totalMs[state] as number;
          if (soFarMs === Infinity) continue;
          for (let worker = 0; worker < workerCount; worker++) {
            if ((mask & (1 << worker)) === 0) this.#extend(state, mask, last, covered, soFarMs, worker);
          }
        }
      }
    }
    return this.#best === undefined
      ? undefined
      : { assignment: this.#trace(this.#best.before, this.#best.worker), totalMs: this.#bestMs };
  }

  /** Puts one more stage behind a state, with every number of layers that it may have. */
  #extend(state: number, mask: number, from: number, covered: number, soFarMs: number, worker: number): void {
    const cost = this.#cost;
    if (cost.transferMs(from, worker) > this.#limitMs) return;
    const first = mask === 0;
    const startMs = soFarMs + cost.hopMs(from, worker);
    const stages = bitCount(mask) + 1;
    if (stages === this.#stageCount) {
      const totalMs =
        startMs +
        evenedMs(cost.stageMs(worker, cost.layerCount - covered, first, true), this.#limitMs) +
        cost.hopMs(worker, cost.coordinator);
      if (totalMs >= this.#bestMs || cost.transferMs(worker, cost.coordinator) > this.#limitMs) return;
      if (!canEnd(cost, this.#limitMs, worker, covered, first)) return;
      this.#bestMs = totalMs;
      this.#best = { before: state, worker };
      return;
    }
    const mostEnd = cost.layerCount - (this.#stageCount - 1 - stages);
    const end = first
      ? (furthestEnd(cost, this.#limitMs, worker, 0, mostEnd, true) ?? 0)
      : Math.min(mostEnd, this.#ends[worker * (cost.layerCount + 1) + covered] as number);
    const next = this.#stateOf(mask | (1 << worker), worker, covered);
    const times = (first ? this.#firstStageMs : this.#stageMs)[worker] as Float64Array;
    for (let layers = 1; layers <= end - covered; layers++) {
      const totalMs = startMs + (times[layers] as number);
      if (totalMs >= (this.#totalMs[next + layers] as number)) continue;
      this.#totalMs[next + layers] = totalMs;
      this.#before[next + layers] = state;
    }
  }

  #trace(before: number, lastWorker: number): Assignment {
    const order = [lastWorker];
    const ends = [this.#cost.layerCount];
    const { workerCount, layerCount } = this.#cost;
    for (let state = before; state >= 0; state = this.#before[state] as number) {
      ends.unshift(state % (layerCount + 1));
      order.unshift(Math.floor(state / (layerCount + 1)) % workerCount);
    }
    return { order, ends };
  }

  #stateOf(mask: number, last: number, covered: number): number {
    return (mask * this.#cost.workerCount + last) * (this.#cost.layerCount + 1) + covered;
  }
}

function bitCount(mask: number): number {
  let count = 0;
  for (let rest = mask; rest !== 0; rest &= rest - 1) count++;
  return count;
}
