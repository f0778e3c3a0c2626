import { setTimeout as sleep } from "node:timers/promises";
import { isErrno } from "../../model/store/disk.js";
import type { RunningProcess } from "./cluster-file.js";
import { isAlive } from "./process-identity.js";

const pollMs = 50;
/** After SIGKILL the system needs a moment; a process stuck in the disk's driver may never go. */
const killTimeoutMs = 5_000;

/**
 * Asks a process to end, and kills it when it has not after `graceMs`. One that has already ended, or
 * whose id belongs to another process by now, is left alone.
 * @returns how it ended; `stuck` when not even SIGKILL helped
 */
export async function endProcess(
  target: RunningProcess,
  graceMs: number,
): Promise<"was gone" | "ended" | "killed" | "stuck"> {
  if (!(await isAlive(target.pid, target.identity))) return "was gone";
  signalProcess(target.pid, "SIGTERM");
  if (await waitForEnd(target, graceMs)) return "ended";
  signalProcess(target.pid, "SIGKILL");
  return (await waitForEnd(target, killTimeoutMs)) ? "killed" : "stuck";
}

/** Sends a signal; a process that ended meanwhile is fine. A negative id means the whole group. */
export function signalProcess(pid: number, signal: "SIGTERM" | "SIGKILL"): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!isErrno(error, "ESRCH")) throw error;
  }
}

async function waitForEnd({ pid, identity }: RunningProcess, timeoutMs: number): Promise<boolean> {
  const deadlineMs = performance.now() + timeoutMs;
  while (await isAlive(pid, identity)) {
    if (performance.now() > deadlineMs) return false;
    await sleep(pollMs);
  }
  return true;
}
