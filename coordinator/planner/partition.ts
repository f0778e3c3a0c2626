import type { Choice } from "./choice.js";
import { choosePipeline } from "./choose.js";
import { slowed } from "./sharing.js";
import type { PlanRequest } from "./types.js";

/** Up to so many workers, every way to part them is tried; the number of ways explodes beyond. */
const exactUpTo = 6;
/** Exchanges of two workers that are tried beyond that. */
const mostExchanges = 200;

/** Workers by index, one group a replica, and what the groups reach together. */
export interface Partition {
  readonly groups: readonly (readonly number[])[];
  readonly tokensPerSecond: number;
}

/**
 * Parts workers into groups that each run the whole model, so that they decode most together, with
 * `request.concurrency` sequences each. Every part is tried for up to 6 workers; beyond, workers are dealt out by
 * speed, back and forth, and exchanged while that helps. Undefined when some group could not hold the model.
 * @param request valid, its workers in the order of their names
 */
export function partitionWorkers(request: PlanRequest, replicaCount: number): Partition | undefined {
  const rates = new GroupRates(request);
  if (request.workers.length > exactUpTo) return exchanged(dealt(request, replicaCount), rates);
  let best: Partition | undefined;
  for (const groups of partsOf(request.workers.length, replicaCount)) {
    const partition = rates.of(groups);
    if ((partition?.tokensPerSecond ?? 0) > (best?.tokensPerSecond ?? 0) * (1 + 1e-9)) best = partition;
  }
  return best;
}

/** The request for one group beside the others: a device that several groups use computes for each in turn. */
export function requestOfGroup(
  request: PlanRequest,
  group: readonly number[],
  groups: readonly (readonly number[])[],
): PlanRequest {
  const users = groupsByDevice(request, groups);
  const workers = request.workers.flatMap((worker, index) =>
    group.includes(index) ? [slowed(worker, users.get(worker.deviceId) ?? 1)] : [],
  );
  return { ...request, workers };
}

/** How many groups have a worker on each device that is shared at all. */
function groupsByDevice({ workers }: PlanRequest, groups: readonly (readonly number[])[]) {
  const users = new Map<string | undefined, number>();
  for (const group of groups) {
    for (const device of new Set(group.map((worker) => workers[worker]?.deviceId)))
      if (device !== undefined) users.set(device, (users.get(device) ?? 0) + 1);
  }
  return users;
}

/** Groups come up again and again in other company. */
class GroupRates {
  readonly #request: PlanRequest;
  readonly #known = new Map<string, Choice | undefined>();

  constructor(request: PlanRequest) {
    this.#request = request;
  }

  of(groups: readonly (readonly number[])[]): Partition | undefined {
    let sum = 0;
    for (const group of groups) {
      const rate = this.#choice(group, groups)?.tokensPerSecond;
      if (rate === undefined) return undefined;
      sum += rate;
    }
    return { groups, tokensPerSecond: sum };
  }

  #choice(group: readonly number[], groups: readonly (readonly number[])[]): Choice | undefined {
    const users = groupsByDevice(this.#request, groups);
    const shares = group.map((worker) => users.get(this.#request.workers[worker]?.deviceId) ?? 1);
    const key = `${group.join(" ")}, ${shares.join(" ")}`;
    if (!this.#known.has(key)) this.#known.set(key, this.#choose(group, groups));
    return this.#known.get(key);
  }

  #choose(group: readonly number[], groups: readonly (readonly number[])[]): Choice | undefined {
    if (group.length < (this.#request.stages ?? 1)) return undefined;
    return choosePipeline(requestOfGroup(this.#request, group, groups));
  }
}

/** Every way to part `count` workers into so many groups, none empty; groups in the order of their first. */
function* partsOf(count: number, groupCount: number, groups: number[][] = []): Generator<number[][]> {
  const worker = groups.reduce((sum, group) => sum + group.length, 0);
  if (worker === count) {
    if (groups.length === groupCount) yield groups;
    return;
  }
  if (groupCount - groups.length > count - worker) return;
  for (const [index, group] of groups.entries())
    yield* partsOf(count, groupCount, groups.with(index, [...group, worker]));
  if (groups.length < groupCount) yield* partsOf(count, groupCount, [...groups, [worker]]);
}

/** The fastest first, then back again: 0 1 2 2 1 0 0 1 2 and so on. */
function dealt({ workers }: PlanRequest, groupCount: number): number[][] {
  const groups = Array.from({ length: groupCount }, (): number[] => []);
  const layerMs = (worker: number) => workers[worker]?.layerDecode ?? { alphaMs: 0, betaMs: 0 };
  const speed = (worker: number) => layerMs(worker).alphaMs + layerMs(worker).betaMs * 8;
  const fastest = [...workers.keys()].sort((a, b) => speed(a) - speed(b) || a - b);
  for (const [turn, worker] of fastest.entries()) {
    const at = turn % (2 * groupCount);
    groups[at < groupCount ? at : 2 * groupCount - 1 - at]?.push(worker);
  }
  return groups.map((group) => group.sort((a, b) => a - b));
}

function exchanged(start: readonly (readonly number[])[], rates: GroupRates): Partition | undefined {
  let best = rates.of(start);
  let tries = 0;
  for (let improved = true; improved && best !== undefined && tries < mostExchanges; ) {
    improved = false;
    for (const groups of exchangesOf(best.groups)) {
      if (tries++ >= mostExchanges) break;
      const partition = rates.of(groups);
      if ((partition?.tokensPerSecond ?? 0) <= best.tokensPerSecond * (1 + 1e-9)) continue;
      best = partition as Partition;
      improved = true;
      break;
    }
  }
  return best;
}

function* exchangesOf(groups: Partition["groups"]): Generator<number[][]> {
  for (let left = 0; left < groups.length; left++) {
    for (let right = left + 1; right < groups.length; right++) {
      for (const mine of groups[left] ?? []) {
        for (const theirs of groups[right] ?? []) {
          const swap = (group: readonly number[]) =>
            group
              .map((worker) => (worker === mine ? theirs : worker === theirs ? mine : worker))
              .sort((a, b) => a - b);
          yield groups.map(swap);
        }
      }
    }
  }
}
