import { StagecoachError } from "../../common/errors.js";
import { sortedByName } from "./choose.js";
import { partitionWorkers } from "./partition.js";
import type { Plan, PlanRequest, Prediction, ReplicatedPlan } from "./types.js";
import { validatePlanRequest } from "./validate-plan-request.js";

/**
 * Which workers run which of several pipelines side by side, by id, so that together they decode most.
 * @param request its concurrency is that of one replica
 * @throws StagecoachError INVALID_ARGUMENT for a request that makes no sense, FAILED_PRECONDITION when there are
 * too few workers or the model does not fit
 */
export function planGroups(request: PlanRequest, replicaCount: number): readonly (readonly string[])[] {
  validatePlanRequest(request);
  const sorted = sortedByName(request);
  const { workers, stages = 1 } = sorted;
  if (workers.length < replicaCount * stages) {
    throw new StagecoachError(
      "FAILED_PRECONDITION",
      `${replicaCount} replicas of ${stages} stages were asked for and there are ${workers.length} workers: start ${replicaCount * stages - workers.length} more`,
    );
  }
  const partition = partitionWorkers(sorted, replicaCount);
  if (partition === undefined) {
    throw new StagecoachError(
      "FAILED_PRECONDITION",
      `the model does not fit ${workers.length} workers as ${replicaCount} replicas: ask for fewer replicas, add workers or memory, or take a smaller variant`,
    );
  }
  return partition.groups.map((group) => group.map((worker) => workers[worker]?.workerId as string));
}

/** Several pipelines' plans as one: sums, and what requests shared out among them should reach. */
export function joinPlans(replicas: readonly Plan[]): ReplicatedPlan {
  const sum = (of: (plan: Plan) => number): number => replicas.reduce((total, plan) => total + of(plan), 0);
  const concurrencies = new Set(replicas.flatMap(({ predictions }) => predictions.map(concurrencyOf)));
  return {
    replicas,
    decodeTokensPerSecond: sum((plan) => plan.decodeTokensPerSecond),
    prefillTokensPerSecond: sum((plan) => plan.prefillTokensPerSecond),
    singleTokensPerSecond: Math.max(...replicas.map((plan) => plan.singleTokensPerSecond)),
    predictions: [...concurrencies]
      .sort((a, b) => a - b)
      .map((concurrency) => ({
        concurrency,
        decodeTokensPerSecond: replicas.reduce(
          (total, { predictions }, index) =>
            total + rateAt(predictions, Math.floor((concurrency + index) / replicas.length)),
          0,
        ),
      })),
  };
}

/** Between two predictions on the line that joins them; nothing is decoded for nobody. */
function rateAt(predictions: readonly Prediction[], concurrency: number): number {
  if (concurrency === 0) return 0;
  const above = predictions.findIndex((each) => each.concurrency >= concurrency);
  const [low, high] = [predictions[above - 1], predictions[above] ?? predictions.at(-1)];
  if (high === undefined) return 0;
  if (low === undefined || high.concurrency === concurrency) return high.decodeTokensPerSecond;
  const share = (concurrency - low.concurrency) / (high.concurrency - low.concurrency);
  return low.decodeTokensPerSecond + share * (high.decodeTokensPerSecond - low.decodeTokensPerSecond);
}

function concurrencyOf({ concurrency }: Prediction): number {
  return concurrency;
}
