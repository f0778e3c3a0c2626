import { spawnSync } from "node:child_process";
import { readlinkSync } from "node:fs";
import { StagecoachError } from "../../common/errors.js";

/**
 * Keeps the calling thread on some processors, and with it the threads that it starts from now on: ONNX Runtime's.
 * The other threads of the process run anywhere. Node cannot do it itself; Linux's `taskset` can, by the thread's id.
 * @param cpus a list as `taskset -c` takes it, e.g. `0` or `2,4-7`
 * @throws StagecoachError FAILED_PRECONDITION where there is no taskset, or none of these processors
 */
export function pinThread(cpus: string): void {
  const thread = spawnSync("taskset", ["--pid", "--cpu-list", cpus, ownThreadId(cpus)], { encoding: "utf8" });
  if (thread.status === 0) return;
  throw cannotPin(cpus, thread.error?.message ?? thread.stderr.trim(), thread.error);
}

/** The kernel's id of the calling thread: /proc/thread-self leads to `PID/task/TID`. */
function ownThreadId(cpus: string): string {
  try {
    return readlinkSync("/proc/thread-self").split("/").at(-1) ?? "";
  } catch (cause) {
    throw cannotPin(cpus, "this system has no /proc/thread-self", cause);
  }
}

function cannotPin(cpus: string, why: string, cause: unknown): StagecoachError {
  return new StagecoachError(
    "FAILED_PRECONDITION",
    `the engine cannot be kept on processors ${cpus}: ${why}; leave --cpus out, or name others`,
    { cause },
  );
}
