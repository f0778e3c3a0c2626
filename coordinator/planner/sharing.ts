import type { Assignment } from "./assignment.js";
import { betterOf, type Choice, choiceOf, type Shape, shapesOf } from "./choice.js";
import type { LinearTime, PlanRequest, WorkerProfile } from "./types.js";

/** Up to so many workers, every set of those on a device is tried; beyond, the one with the most memory, and all. */
const everyWayUpTo = 5;
const mostWays = 16;

/** Whether some of these workers compute on one device. */
export function sharesDevices(workers: readonly WorkerProfile[]): boolean {
  return sharedGroups(workers).length > 0;
}

/**
 * The best pipeline where workers share devices, whose times add up: the best of the sets of workers that may have
 * stages. With k stages on a device each is taken to be k times as slow, so that cuts are even in what devices have to
 * do; what comes out is judged by the sums themselves.
 * @param search the best choice of one shape, for workers that share nothing
 */
export function chooseSharing(request: PlanRequest, search: ShapeSearch): Choice | undefined {
  const ways = waysToShare(request.workers);
  // Two stages on a device gain something only around one that has no room for the ends, or where stages are counted.
  if (request.stages !== undefined || request.workers.length <= everyWayUpTo) {
    return bestOf(request, ways, search);
  }
  const apart = ways.filter(({ sharers }) => sharers.every((count) => count === 1));
  return bestOf(request, apart, search) ?? bestOf(request, ways, search);
}

type ShapeSearch = (request: PlanRequest, shapes: readonly Shape[]) => Choice | undefined;

function bestOf(request: PlanRequest, ways: readonly Way[], search: ShapeSearch): Choice | undefined {
  const { workers, model, stages } = request;
  let best: Choice | undefined;
  for (const { members, sharers } of ways) {
    if (stages !== undefined && members.length < stages) continue;
    const most = Math.min(members.length, model.layerCount + 1);
    const stageCounts =
      stages === undefined ? Array.from({ length: most }, (_, index) => index + 1) : [stages];
    const sharing =
      members.length - new Set(members.map((worker) => workers[worker]?.deviceId ?? worker)).size;
    const real = shapesOf(request, stageCounts, sharing);
    // Also as if they shared nothing: where the way counts more than the slowest, that is nearer to the truth.
    for (const factors of sharing === 0 ? [sharers] : [sharers, sharers.map(() => 1)]) {
      const part = {
        ...request,
        workers: members.map((worker, at) => slowed(workers[worker] as WorkerProfile, factors[at] as number)),
      };
      for (const [index, shape] of shapesOf(part, stageCounts, sharing).entries()) {
        const found = search(part, [shape])?.assignment;
        if (found === undefined) continue;
        const order = found.order.map((member) => members[member] as number);
        best = betterOf(best, bestCut(request, real[index] as Shape, { order, ends: found.ends }));
      }
    }
  }
  return best;
}

/** Moves layers between neighbouring stages while that helps. */
function bestCut(request: PlanRequest, shape: Shape, start: Assignment): Choice | undefined {
  let best = choiceOf(request, shape, start);
  for (let improved = best !== undefined; improved; ) {
    improved = false;
    for (const assignment of neighbouringCuts(best?.assignment ?? start, shape)) {
      const better = betterOf(best, choiceOf(request, shape, assignment));
      if (better === best) continue;
      best = better;
      improved = true;
      break;
    }
  }
  return best;
}

/** Cuts with one border a layer further on or back, that memory has room for; only the last stage may have no layer. */
function* neighbouringCuts({ order, ends }: Assignment, { cost }: Shape): Generator<Assignment> {
  const last = order.length - 1;
  for (let border = 0; border < last; border++) {
    for (const change of [-1, 1]) {
      const moved = ends.with(border, (ends[border] as number) + change);
      const layers = moved.map((end, stage) => end - (moved[stage - 1] ?? 0));
      if (layers.some((count, stage) => count < (stage === last ? 0 : 1))) continue;
      const fits = order.every((worker, stage) =>
        cost.memory.fits(worker, moved[stage - 1] ?? 0, moved[stage] as number, stage === 0, stage === last),
      );
      if (fits) yield { order, ends: moved };
    }
  }
}

/** A worker that computes a k-th of the time. */
export function slowed(worker: WorkerProfile, factor: number): WorkerProfile {
  if (factor === 1) return worker;
  const { layerDecode, layerPrefill, embedding, head, stage, attention } = worker;
  return {
    ...worker,
    layerDecode: slowedTime(layerDecode, factor),
    layerPrefill: slowedTime(layerPrefill, factor),
    embedding: slowedTime(embedding, factor),
    head: slowedTime(head, factor),
    ...(stage && { stage: slowedTime(stage, factor) }),
    ...(attention && { attention: { ...attention, msPerToken: attention.msPerToken * factor } }),
  };
}

function slowedTime({ alphaMs, betaMs, points }: LinearTime, factor: number): LinearTime {
  return {
    alphaMs: alphaMs * factor,
    betaMs: betaMs * factor,
    ...(points && { points: points.map(({ rows, ms }) => ({ rows, ms: ms * factor })) }),
  };
}

/** Workers to choose among, by index, ascending, and how many of them are on the device of each. */
interface Way {
  readonly members: readonly number[];
  readonly sharers: readonly number[];
}

/** Which workers of each shared device may have stages. */
function waysToShare(workers: readonly WorkerProfile[]): Way[] {
  const groups = sharedGroups(workers);
  const shared = new Set(groups.flat());
  const alone = [...workers.keys()].filter((worker) => !shared.has(worker));
  const every = workers.length <= everyWayUpTo;
  let chosen: (readonly number[])[][] = [[]];
  for (const group of groups) {
    const parts = every ? subsetsOf(group) : [group.slice(0, 1), group];
    const tried = chosen.length * parts.length <= mostWays ? parts : [group.slice(0, 1)];
    chosen = chosen.flatMap((before) => tried.map((part) => [...before, part]));
  }
  // Whatever was left out, all of them together.
  return [...chosen, ...(every ? [] : [groups])].map((parts) => {
    const members = [...alone, ...parts.flat()].sort((a, b) => a - b);
    const sharers = members.map((worker) => parts.find((part) => part.includes(worker))?.length ?? 1);
    return { members, sharers };
  });
}

/** All that are not empty. */
function subsetsOf(group: readonly number[]): number[][] {
  return Array.from({ length: 2 ** group.length - 1 }, (_, bits) =>
    group.filter((_, index) => ((bits + 1) >> index) % 2 === 1),
  );
}

/** Workers by the device that they share, those with the most memory first. */
function sharedGroups(workers: readonly WorkerProfile[]): number[][] {
  const groups = new Map<string, number[]>();
  for (const [worker, { deviceId }] of workers.entries()) {
    if (deviceId !== undefined) groups.set(deviceId, [...(groups.get(deviceId) ?? []), worker]);
  }
  const freeBytes = (worker: number) => workers[worker]?.freeMemoryBytes ?? 0;
  return [...groups.values()]
    .filter((group) => group.length > 1)
    .map((group) => group.sort((a, b) => freeBytes(b) - freeBytes(a) || a - b));
}
