import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { isErrno } from "../../model/store/disk.js";

/**
 * What tells a process from a later one with the same id: when it started. Undefined when no such process
 * lives (one that has ended and was not yet collected by its parent counts as dead).
 */
export async function processIdentity(pid: number): Promise<string | undefined> {
  return process.platform === "linux" ? await linuxIdentity(pid) : await psIdentity(pid);
}

/** True while the very process that had this id and identity lives. */
export async function isAlive(pid: number, identity: string): Promise<boolean> {
  return (await processIdentity(pid)) === identity;
}

/** Clock ticks from boot to the process's start, and which boot; see proc(5). */
async function linuxIdentity(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    // The second field, the program's name in brackets, may hold blanks and brackets itself.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z" || fields[0] === "X") return undefined;
    const boot = await readFile("/proc/sys/kernel/random/boot_id", "utf8");
    return `${boot.trim()}/${fields[19]}`;
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "ESRCH")) return undefined;
    throw error;
  }
}

async function psIdentity(pid: number): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)("ps", ["-o", "stat=,lstart=", "-p", String(pid)]);
    const match = /^\s*(\S+)\s+(.+?)\s*$/.exec(stdout);
    return match === null || match[1]?.startsWith("Z") ? undefined : match[2];
  } catch (error) {
    // ps ends with 1 when there is no such process.
    if (error instanceof Error && "code" in error && error.code === 1) return undefined;
    throw error;
  }
}
