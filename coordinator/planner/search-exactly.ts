import { betterOf, type Choice, choiceOf, meritOf, type Shape, tokensPerSecond } from "./choice.js";
import { lowestLimit, minimisePeriod } from "./minimise-period.js";
import { SubsetSearch } from "./subset-search.js";
import type { PlanRequest } from "./types.js";

/** The best choice over all shapes, workers, orders and cuts; for up to 8 workers. */
export function searchExactly(request: PlanRequest, shapes: readonly Shape[]): Choice | undefined {
  const promising = shapes
    .map((shape) => {
      const search = new SubsetSearch(shape.cost, shape.stageCount);
      const limitMs = lowestLimit(search) ?? Infinity;
      const rate = tokensPerSecond(request.concurrency / shape.inFlight, limitMs);
      return { shape, search, atMost: meritOf(shape, rate) };
    })
    .sort((a, b) => b.atMost - a.atMost);
  let best: Choice | undefined;
  for (const { shape, search, atMost } of promising) {
    const toBeat = best === undefined ? 0 : meritOf(best, best.tokensPerSecond) * (1 - 1e-9);
    if (atMost < toBeat) break;
    const leastTotalMs = search.leastTotal(Infinity)?.totalMs ?? Infinity;
    const batch = request.concurrency / shape.inFlight;
    if (meritOf(shape, tokensPerSecond(batch, leastTotalMs / shape.onTheWay)) < toBeat) continue;
    const assignment = minimisePeriod(search, shape.onTheWay);
    if (assignment !== undefined) best = betterOf(best, choiceOf(request, shape, assignment));
  }
  return best;
}
