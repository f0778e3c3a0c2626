import { sizesOf, type UpSettings, type WorkerProcess } from "./up-settings.js";

/**
 * The processes that `up` runs its workers in. A process a worker, so that one takes no other with it; but the
 * NVIDIA GPUs of a list are in one, where they hand activations to each other in memory. With replicas, which are
 * there so that one may die, each has its own again.
 * @param values with devices as `settleDevice` settles them: one for all, or one a worker
 */
export function workerProcesses(values: UpSettings): readonly WorkerProcess[] {
  const listed = values.device.split(",");
  const devices =
    listed.length === 1 ? Array<string>(sizesOf(values).workerCount).fill(values.device) : listed;
  const together = listed.length > 1 && values.replicas === 1 ? devices.filter(isCuda) : [];
  const groups =
    together.length < 2
      ? devices.map((own) => [own])
      : [together, ...devices.filter((own) => !isCuda(own)).map((own) => [own])];
  return groups.map((own, index) => ({ workerId: `w${index}`, devices: own }));
}

function isCuda(device: string): boolean {
  return device.startsWith("cuda");
}
