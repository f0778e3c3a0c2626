import { StagecoachError } from "../../common/errors.js";
import type { ClusterStatus__Output } from "../../proto/gen/stagecoach/v1/ClusterStatus.js";
import { replies, withClient } from "../client.js";

/**
 * Follows a coordinator's state until all its pipelines serve, telling each change.
 * @throws StagecoachError FAILED_PRECONDITION with the coordinator's own words when it gives up, and
 * whatever the signal was aborted with
 */
export function awaitServing(
  address: string,
  onProgress: (line: string) => void,
  signal: AbortSignal,
): Promise<ClusterStatus__Output> {
  return withClient(address, async (client) => {
    let last = "";
    for await (const status of replies(client, client.cluster.watch({}), signal)) {
      const waiting = status.replicas.find(({ state }) => state !== "SERVING");
      if (status.state === "SERVING" && waiting === undefined) return status;
      const failed =
        status.state === "FAILED" ? status : status.replicas.find(({ state }) => state === "FAILED");
      if (failed !== undefined) throw new StagecoachError("FAILED_PRECONDITION", failed.stateDetail);
      if (status.stateDetail !== last) onProgress(status.stateDetail);
      last = status.stateDetail;
    }
    signal.throwIfAborted();
    throw new StagecoachError("UNAVAILABLE", "the coordinator stopped telling its state; look into its log");
  });
}
