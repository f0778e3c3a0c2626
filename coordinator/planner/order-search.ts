import type { Assignment } from "./assignment.js";
import { type CostModel, evenedMs } from "./cost-model.js";
import { canEnd, furthestEnd, possibleLimits } from "./furthest-layer.js";
import type { LimitSearch } from "./minimise-period.js";

/** Exact search over every cut for one order of workers, all of them used. */
export class OrderSearch implements LimitSearch {
  readonly #cost: CostModel;
  readonly #order: readonly number[];
  #limits: Float64Array | undefined;

  constructor(cost: CostModel, order: readonly number[]) {
    this.#cost = cost;
    this.#order = order;
  }

  get limits(): Float64Array {
    this.#limits ??= possibleLimits(this.#cost, this.#order);
    return this.#limits;
  }

  mayFit(limitMs: number): boolean {
    return this.slowestTransferMs <= limitMs && this.fill(limitMs).layersLeft === 0;
  }

  get slowestTransferMs(): number {
    const path = [this.#cost.coordinator, ...this.#order, this.#cost.coordinator];
    return path
      .slice(1)
      .reduce((most, to, at) => Math.max(most, this.#cost.transferMs(path[at] as number, to)), 0);
  }

  /** Every stage but the last takes all it can; `layersLeft` is how much then finds no place at the last. */
  fill(limitMs: number): { readonly assignment: Assignment; readonly layersLeft: number } {
    const { layerCount } = this.#cost;
    const last = this.#order.length - 1;
    const ends: number[] = [];
    let covered = 0;
    let layersLeft = 0;
    for (let stage = 0; stage < last; stage++) {
      const worker = this.#order[stage] as number;
      const mostEnd = layerCount - (last - 1 - stage);
      const end = furthestEnd(this.#cost, limitMs, worker, covered, mostEnd, stage === 0);
      if (end === undefined) layersLeft++;
      covered = end ?? covered;
      ends.push(covered);
    }
    if (!canEnd(this.#cost, limitMs, this.#order[last] as number, covered, last === 0)) {
      layersLeft += Math.max(1, layerCount - covered);
    }
    return { assignment: { order: this.#order, ends: [...ends, layerCount] }, layersLeft };
  }

  leastTotal(limitMs: number): { assignment: Assignment; totalMs: number } | undefined {
    if (this.slowestTransferMs > limitMs) return undefined;
    const cost = this.#cost;
    const { layerCount } = cost;
    const last = this.#order.length - 1;
    // best[s][b]: least stage time of the first s stages when they cover b layers.
    let best = new Float64Array(layerCount + 1).fill(Infinity);
    best[0] = 0;
    const begins: Int32Array[] = [];
    for (let stage = 0; stage < last; stage++) {
      const worker = this.#order[stage] as number;
      const next = new Float64Array(layerCount + 1).fill(Infinity);
      const begin = new Int32Array(layerCount + 1);
      for (let from = 0; from <= layerCount; from++) {
        const soFarMs = best[from] as number;
        if (soFarMs === Infinity) continue;
        const end = furthestEnd(cost, limitMs, worker, from, layerCount, stage === 0) ?? from;
        for (let to = from + 1; to <= end; to++) {
          const totalMs = soFarMs + evenedMs(cost.stageMs(worker, to - from, stage === 0, false), limitMs);
          if (totalMs >= (next[to] as number)) continue;
          next[to] = totalMs;
          begin[to] = from;
        }
      }
      best = next;
      begins.push(begin);
    }
    return this.#close(limitMs, best, begins);
  }

  /** Adds the last stage and walks back. */
  #close(limitMs: number, best: Float64Array, begins: readonly Int32Array[]) {
    const cost = this.#cost;
    const { layerCount } = cost;
    const worker = this.#order[this.#order.length - 1] as number;
    const first = this.#order.length === 1;
    let totalMs = Infinity;
    let from = 0;
    for (let covered = 0; covered <= layerCount; covered++) {
      const lastMs = cost.stageMs(worker, layerCount - covered, first, true);
      const timeMs = (best[covered] as number) + evenedMs(lastMs, limitMs);
      if (timeMs >= totalMs || !canEnd(cost, limitMs, worker, covered, first)) continue;
      totalMs = timeMs;
      from = covered;
    }
    if (totalMs === Infinity) return undefined;
    const ends = [layerCount];
    for (let stage = begins.length - 1; stage >= 0; stage--) {
      ends.unshift(from);
      from = begins[stage]?.[from] ?? 0;
    }
    const path = [cost.coordinator, ...this.#order, cost.coordinator];
    const hopsMs = path.slice(1).reduce((sum, to, at) => sum + cost.hopMs(path[at] as number, to), 0);
    return { assignment: { order: this.#order, ends }, totalMs: totalMs + hopsMs };
  }
}
