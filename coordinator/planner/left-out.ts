import { formatBytes } from "../../model/store/format-bytes.js";
import { betterOf, type Choice, choiceOf, shapesOf } from "./choice.js";
import { compareEstimates, estimateOrder } from "./estimate-order.js";
import { minimisePeriod } from "./minimise-period.js";
import { OrderSearch } from "./order-search.js";
import type { Plan, PlanRequest } from "./types.js";

/** The workers that a choice does not use, each with the reason and its figures. */
export function leftOutWorkers(request: PlanRequest, choice: Choice): Plan["leftOut"] {
  const used = new Set(choice.assignment.order);
  return request.workers.flatMap(({ workerId }, worker) =>
    used.has(worker) ? [] : [{ workerId, reason: reasonFor(request, choice, worker) }],
  );
}

function reasonFor(request: PlanRequest, choice: Choice, worker: number): string {
  const { stages, model, workers, promptTokensPerToken = 0 } = request;
  if (stages !== undefined) {
    return `${stages === 1 ? "only one stage was" : `exactly ${stages} stages were`} asked for`;
  }
  if (choice.stageCount > model.layerCount) return "the model has no layer left for one more stage";
  const { deviceId } = workers[worker] ?? {};
  const beside = choice.assignment.order.find((used) => workers[used]?.deviceId === deviceId);
  if (deviceId !== undefined && beside !== undefined) {
    return `it computes on the GPU of ${workers[beside]?.workerId}, where stages take turns: a cut would bring nothing`;
  }
  const withIt = bestWith(request, choice, worker);
  if (withIt === undefined) {
    const leastStageBytes = choice.cost.memory.leastStageBytes(worker);
    const freeBytes = workers[worker]?.freeMemoryBytes ?? 0;
    return freeBytes < leastStageBytes
      ? `its ${formatBytes(freeBytes)} of free memory are less than a stage of one layer needs (${formatBytes(leastStageBytes)})`
      : `its ${formatBytes(freeBytes)} of free memory are too little for any cut beside the others`;
  }
  const [now, then] = [choice.tokensPerSecond, withIt.tokensPerSecond];
  if (then > now * 0.995) return `it would bring nothing: ${rate(now)} tok/s with it or without`;
  const prompts = promptTokensPerToken > 0 ? ", prompts counted" : "";
  return `decoding would fall from ${rate(now)} to ${rate(then)} tok/s with it${prompts}`;
}

/** The best that one more stage on this worker could reach, wherever it stands among the others. */
function bestWith(request: PlanRequest, { assignment }: Choice, worker: number): Choice | undefined {
  const stageCount = assignment.order.length + 1;
  let best: Choice | undefined;
  for (const shape of shapesOf(request, [stageCount])) {
    const orders = Array.from({ length: stageCount }, (_, position) =>
      assignment.order.toSpliced(position, 0, worker),
    );
    const likeliest = orders
      .map((order) => ({ order, estimate: estimateOrder(shape, order) }))
      .reduce((a, b) => (compareEstimates(b.estimate, a.estimate) < 0 ? b : a));
    const cut = minimisePeriod(new OrderSearch(shape.cost, likeliest.order), shape.onTheWay);
    if (cut !== undefined) best = betterOf(best, choiceOf(request, shape, cut));
  }
  return best;
}

function rate(tokensPerSecond: number): string {
  return tokensPerSecond.toFixed(tokensPerSecond < 10 ? 1 : 0);
}
