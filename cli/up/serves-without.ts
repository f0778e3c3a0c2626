import { StagecoachError } from "../../common/errors.js";
import type { ClusterStatus__Output } from "../../proto/gen/stagecoach/v1/ClusterStatus.js";
import { replies, withClient } from "../client.js";

/**
 * Waits until a coordinator has noticed that a worker is gone; true when some replica, of so many stages, serves
 * all the same.
 * @throws StagecoachError when the coordinator cannot be asked, and whatever the signal was aborted with
 */
export function servesWithout(
  workerId: string,
  { address, stages, signal }: { address: string; stages: number; signal: AbortSignal },
): Promise<boolean> {
  return withClient(address, async (client) => {
    for await (const status of replies(client, client.cluster.watch({}), signal)) {
      if (status.workers.every((worker) => worker.workerId !== workerId)) return someServes(status, stages);
    }
    signal.throwIfAborted();
    throw new StagecoachError("UNAVAILABLE", "the coordinator stopped telling its state; look into its log");
  });
}

/** A replica that just lost a worker may still be told as serving, so its workers count too. */
function someServes({ replicas, workers }: ClusterStatus__Output, stages: number): boolean {
  return replicas.some(({ replica, state }) => {
    const present = workers.filter((worker) => worker.replica === replica && worker.stageIndex !== undefined);
    return state === "SERVING" && present.length >= stages;
  });
}
