import type { Choice } from "./choice.js";
import { choosePipeline } from "./choose.js";
import { type Partition, partitionWorkers, requestOfGroup } from "./partition.js";
import type { PlanRequest } from "./types.js";

/** Replicas are recommended when they would be faster by this factor. */
const worthwhile = 1.02;
/** Beyond so many workers only one whole model a worker is considered, for there are too many ways. */
const mixedUpTo = 6;

/**
 * Whether several pipelines side by side, each with its share of the sequences, would decode faster than the
 * one; with the figures. Empty when not.
 */
export function replicaRemarks(request: PlanRequest, choice: Choice): string[] {
  const { workers, concurrency, promptTokensPerToken = 0 } = request;
  const prompts = promptTokensPerToken > 0 ? " and their prompts" : "";
  let best: Partition | undefined;
  for (const partition of candidates(request, choice)) {
    const shared = sharedBySpeed(request, partition);
    if (shared.tokensPerSecond > (best?.tokensPerSecond ?? 0) * worthwhile) best = shared;
  }
  if (best === undefined || best.tokensPerSecond <= choice.tokensPerSecond * worthwhile) return [];
  const named = best.groups.map((group) => group.map((worker) => workers[worker]?.workerId).join(" + "));
  const sizes = new Set(best.groups.map((group) => group.length));
  const [stages] = sizes;
  const how = sizes.size === 1 && stages === 1 ? "the whole model on each of" : "the model over each of";
  return [
    `replicas would be faster: ${how} ${named.join(", ")} decodes about ` +
      `${best.tokensPerSecond.toFixed(0)} tok/s with ${concurrency} sequences${prompts}, this plan ` +
      `${choice.tokensPerSecond.toFixed(0)}; try --replicas ${best.groups.length}${sizes.size === 1 ? ` --stages ${stages}` : ""}`,
  ];
}

function* candidates(request: PlanRequest, choice: Choice): Generator<Partition> {
  const { model, workers, concurrency } = request;
  const { stages: _, ...free } = request;
  const most = Math.min(workers.length, concurrency);
  if (workers.length <= mixedUpTo) {
    for (let count = 2; count <= most; count++) {
      const partition = partitionWorkers({ ...free, concurrency: Math.ceil(concurrency / count) }, count);
      if (partition !== undefined) yield usedOnly(free, partition);
    }
  }
  const fastest = [...workers.keys()]
    .filter((worker) => choice.cost.memory.fits(worker, 0, model.layerCount, true, true))
    .sort((a, b) => choice.cost.layerMs(a) - choice.cost.layerMs(b) || a - b);
  for (let count = 2; count <= Math.min(fastest.length, concurrency); count++)
    yield { groups: fastest.slice(0, count).map((worker) => [worker]), tokensPerSecond: 0 };
}

/** Without the workers that their own group's best pipeline leaves out. */
function usedOnly(request: PlanRequest, { groups, tokensPerSecond }: Partition): Partition {
  const used = groups.map((group) => {
    const order = choosePipeline(requestOfGroup(request, group, groups))?.assignment.order ?? [];
    return group.filter((_, index) => order.includes(index));
  });
  return { groups: used, tokensPerSecond };
}

/** What groups reach together when the sequences are shared out by their speeds. */
function sharedBySpeed(request: PlanRequest, { groups }: Partition): Partition {
  const rateOf = (group: readonly number[], sequences: number): number => {
    if (sequences < 1) return 0;
    const alone = { ...requestOfGroup(request, group, groups), stages: group.length, concurrency: sequences };
    return choosePipeline(alone)?.tokensPerSecond ?? 0;
  };
  const even = Math.ceil(request.concurrency / groups.length);
  const speeds = groups.map((group) => rateOf(group, even));
  const speedSum = speeds.reduce((sum, each) => sum + each, 0);
  const shares = speeds.map((speed) => Math.round((request.concurrency * speed) / speedSum));
  const rates = groups.map((group, index) => rateOf(group, shares[index] ?? 0));
  return { groups, tokensPerSecond: rates.reduce((sum, each) => sum + each, 0) };
}
