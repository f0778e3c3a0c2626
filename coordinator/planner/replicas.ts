import { type Choice, tokensPerSecond } from "./choice.js";
import { CostModel } from "./cost-model.js";
import type { PlanRequest } from "./types.js";

/** Replicas are recommended when they would be faster by this factor. */
const worthwhile = 1.02;

/**
 * Whether whole models on several workers, each with its share of the sequences, would decode faster than the
 * pipeline; with the figures. Empty when not.
 */
export function replicaRemarks(request: PlanRequest, choice: Choice): string[] {
  const { model, workers, concurrency } = request;
  const capable = [...workers.keys()].filter((worker) =>
    choice.cost.memory.fits(worker, 0, model.layerCount, true, true),
  );
  const fastest = capable.toSorted((a, b) => choice.cost.layerMs(a) - choice.cost.layerMs(b) || a - b);
  let best = { count: 0, rate: 0 };
  for (let count = 2; count <= Math.min(fastest.length, concurrency); count++) {
    const rate = replicaRate(request, fastest.slice(0, count));
    if (rate > best.rate * worthwhile) best = { count, rate };
  }
  if (best.rate <= choice.tokensPerSecond * worthwhile) return [];
  const names = fastest.slice(0, best.count).map((worker) => workers[worker]?.workerId);
  return [
    `replicas would be faster: the whole model on each of ${names.join(", ")} decodes about ` +
      `${best.rate.toFixed(0)} tok/s with ${concurrency} sequences, this plan ${choice.tokensPerSecond.toFixed(0)}`,
  ];
}

/** Tokens a second of one whole model a worker, the sequences shared out by speed. */
function replicaRate(request: PlanRequest, replicas: readonly number[]): number {
  const even = request.concurrency / replicas.length;
  const speeds = replicas.map((worker) => aloneRate(request, worker, even));
  const speedSum = speeds.reduce((sum, each) => sum + each, 0);
  return replicas.reduce((sum, worker, index) => {
    const share = Math.round((request.concurrency * (speeds[index] as number)) / speedSum);
    return share === 0 ? sum : sum + aloneRate(request, worker, share);
  }, 0);
}

function aloneRate(request: PlanRequest, worker: number, sequences: number): number {
  const cost = new CostModel(request, { kind: "decode", rows: sequences });
  const wayMs =
    cost.hopMs(cost.coordinator, worker) +
    cost.stageMs(worker, cost.layerCount, true, true) +
    cost.hopMs(worker, cost.coordinator);
  return tokensPerSecond(sequences, wayMs);
}
