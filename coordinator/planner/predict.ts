import { type Assignment, onTheWay, periodMs, timingOf } from "./assignment.js";
import { tokensPerSecond } from "./choice.js";
import { batchesOf, CostModel } from "./cost-model.js";
import type { PlanRequest, Prediction } from "./types.js";

/** Concurrencies that every plan tells beside its own; replicas get halves and quarters of these. */
const usual = [1, 2, 4, 8, 16];

/** What a pipeline as cut should reach at the usual concurrencies and at the one it was made for. */
export function predictDecoding(
  request: PlanRequest,
  pipeline: { readonly assignment: Assignment; readonly laneCount: number },
): Prediction[] {
  return [...usual.filter((each) => each < request.concurrency), request.concurrency].map((concurrency) => ({
    concurrency,
    decodeTokensPerSecond: decodeRate(request, pipeline, concurrency),
  }));
}

/**
 * Tokens a second of so many sequences together. Where they cannot be shared out evenly, the largest micro-batch's
 * way keeps the others' turn waiting: with 2, 1 and 1 rows in three lanes that of 2.
 */
function decodeRate(
  request: PlanRequest,
  { assignment, laneCount }: { readonly assignment: Assignment; readonly laneCount: number },
  concurrency: number,
): number {
  const { rows, inFlight } = batchesOf(concurrency, laneCount);
  const timingFor = (count: number) =>
    timingOf(new CostModel(request, { kind: "decode", rows: count }), assignment);
  const { slowestMs } = timingFor(rows);
  const { totalMs } = timingFor(Math.ceil(rows));
  return tokensPerSecond(rows, periodMs({ slowestMs, totalMs }, onTheWay(assignment.order.length, inFlight)));
}
