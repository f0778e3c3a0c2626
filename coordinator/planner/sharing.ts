import { betterOf, type Choice, choiceOf, type Shape, shapesOf } from "./choice.js";
import type { LinearTime, PlanRequest, WorkerProfile } from "./types.js";

/** Ways to share devices that are tried; beyond, each is used by one stage, or by as many as there are workers. */
const mostWays = 64;

/** Whether some of these workers compute on one device. */
export function sharesDevices(workers: readonly WorkerProfile[]): boolean {
  return sharedGroups(workers).length > 0;
}

/**
 * The best pipeline where workers share devices, whose times add up. It is searched for each number of stages that
 * devices may have: with k on a device, each is taken to be k times as slow, so that cuts are even in what devices
 * have to do; what comes out is judged by the sums themselves.
 * @param search the best choice of one shape, for workers that share nothing
 */
export function chooseSharing(
  request: PlanRequest,
  search: (request: PlanRequest, shapes: readonly Shape[]) => Choice | undefined,
): Choice | undefined {
  const { workers, model, stages } = request;
  let best: Choice | undefined;
  for (const { members, sharers } of waysToShare(workers)) {
    if (stages !== undefined && members.length < stages) continue;
    const most = Math.min(members.length, model.layerCount + 1);
    const stageCounts = stages === undefined ? Array.from({ length: most }, (_, index) => index + 1) : [stages];
    const sharing = members.length - new Set(members.map((worker) => workers[worker]?.deviceId ?? worker)).size;
    const part = {
      ...request,
      workers: members.map((worker, index) => slowed(workers[worker] as WorkerProfile, sharers[index] as number)),
    };
    const real = shapesOf(request, stageCounts, sharing);
    for (const [index, shape] of shapesOf(part, stageCounts, sharing).entries()) {
      const found = search(part, [shape])?.assignment;
      if (found === undefined) continue;
      const order = found.order.map((member) => members[member] as number);
      best = betterOf(best, choiceOf(request, real[index] as Shape, { order, ends: found.ends }));
    }
  }
  return best;
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

/** Every number of stages that each shared device may have; those with the most memory have them. */
function waysToShare(workers: readonly WorkerProfile[]): Way[] {
  const groups = sharedGroups(workers);
  const shared = new Set(groups.flat());
  const alone = [...workers.keys()].filter((worker) => !shared.has(worker));
  let chosen: (readonly number[])[][] = [[]];
  for (const group of groups) {
    const counts = group.map((_, index) => index + 1);
    const tried = chosen.length * counts.length <= mostWays ? counts : [1, group.length];
    chosen = chosen.flatMap((before) => tried.map((count) => [...before, group.slice(0, count)]));
  }
  return chosen.map((parts) => {
    const members = [...alone, ...parts.flat()].sort((a, b) => a - b);
    const sharers = members.map((worker) => parts.find((part) => part.includes(worker))?.length ?? 1);
    return { members, sharers };
  });
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
