import { type Choice, type Shape, shapesOf } from "./choice.js";
import { searchExactly } from "./search-exactly.js";
import { searchLocally } from "./search-locally.js";
import { chooseSharing, sharesDevices } from "./sharing.js";
import type { PlanRequest } from "./types.js";

/** Up to so many workers, every choice and order of them is searched. */
const exactUpTo = 8;

/** The best pipeline for a valid request, without the words about it; undefined when the model does not fit. */
export function choosePipeline(request: PlanRequest): Choice | undefined {
  const { model, workers, stages } = request;
  if (sharesDevices(workers)) return chooseSharing(request, search);
  const most = Math.min(workers.length, model.layerCount + 1);
  const stageCounts = stages === undefined ? Array.from({ length: most }, (_, index) => index + 1) : [stages];
  return search(request, shapesOf(request, stageCounts));
}

function search(request: PlanRequest, shapes: readonly Shape[]): Choice | undefined {
  return request.workers.length <= exactUpTo
    ? searchExactly(request, shapes)
    : searchLocally(request, shapes);
}

/** Workers in the natural order of their names, worker-2 before worker-10, which makes plans repeatable. */
export function sortedByName(request: PlanRequest): PlanRequest {
  const workers = request.workers.toSorted((a, b) =>
    a.workerId.localeCompare(b.workerId, "en", { numeric: true }),
  );
  return { ...request, workers };
}
