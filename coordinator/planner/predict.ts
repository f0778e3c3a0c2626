import { type Assignment, periodMs, timingOf } from "./assignment.js";
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

/** Tokens a second of so many sequences together; 0 for none. */
function decodeRate(
  request: PlanRequest,
  { assignment, laneCount }: { readonly assignment: Assignment; readonly laneCount: number },
  concurrency: number,
): number {
  const { rows, inFlight } = batchesOf(concurrency, laneCount);
  const timing = timingOf(new CostModel(request, { kind: "decode", rows }), assignment);
  return tokensPerSecond(rows, periodMs(timing, inFlight));
}
