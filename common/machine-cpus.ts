import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** The numbers in a list such as `0,2-4`, as Linux writes sets of processors. */
export function parseCpuList(list: string): number[] {
  return list.split(",").flatMap((range) => {
    const [first = Number.NaN, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

/** Processors that threads of this process can be kept on, one by one; none where that cannot be done. */
export function pinnableCpus(): number[] {
  if (process.platform !== "linux" || spawnSync("taskset", ["--version"]).status !== 0) return [];
  const [, list] = /^Cpus_allowed_list:\s+(\S+)$/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
  return list === undefined ? [] : parseCpuList(list);
}
