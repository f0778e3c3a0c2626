import type { Plan, WorkerProfile } from "../planner/types.js";
import type { ClusterLimits } from "./session-settings.js";

/** Where no device wants another: small enough that little of a shared beginning is lost, and of memory. */
const usualBlockSize = 16;

/**
 * Tokens of a pipeline's KV blocks. All stages share one block table, so `auto` takes the largest that a planned
 * stage's device wants; those are powers of two, each a multiple of the smaller ones.
 */
export function blockSizeOf(
  wanted: ClusterLimits["blockSize"],
  { stages }: Pick<Plan, "stages">,
  workers: readonly Pick<WorkerProfile, "workerId" | "blockSize">[],
): number {
  if (wanted !== "auto") return wanted;
  const held = workers.filter((worker) => stages.some(({ workerId }) => workerId === worker.workerId));
  return Math.max(0, ...held.map(({ blockSize = 0 }) => blockSize)) || usualBlockSize;
}
