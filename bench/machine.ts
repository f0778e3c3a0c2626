import { cpus, freemem, loadavg, totalmem } from "node:os";
import { setTimeout as pause } from "node:timers/promises";

/** The machine before a run; a busy one makes figures worthless. */
export interface MachineState {
  readonly processor: string;
  readonly cores: number;
  readonly totalBytes: number;
  readonly freeBytes: number;
  /** Of the last minute, what ran before included. */
  readonly loadAverage: number;
  /** Cores that something else kept busy during one second of our own silence. */
  readonly busyCores: number;
  readonly node: string;
}

const sampleMs = 1000;

/** Looks at the machine for a second. */
export async function readMachine(): Promise<MachineState> {
  const before = cpuTimes();
  await pause(sampleMs);
  const after = cpuTimes();
  const cores = cpus();
  return {
    processor: cores[0]?.model.trim() ?? "unknown",
    cores: cores.length,
    totalBytes: totalmem(),
    freeBytes: freemem(),
    loadAverage: loadavg()[0] ?? Number.NaN,
    busyCores: (cores.length * (after.busyMs - before.busyMs)) / Math.max(1, after.allMs - before.allMs),
    node: process.version,
  };
}

/** One line for a report. */
export function describeMachine(machine: MachineState): string {
  const gigabytes = (bytes: number): string => (bytes / 2 ** 30).toFixed(1);
  return (
    `${machine.cores} cores of ${machine.processor}, ${gigabytes(machine.freeBytes)} of ` +
    `${gigabytes(machine.totalBytes)} GiB free, load average ${machine.loadAverage.toFixed(2)}, ` +
    `${machine.busyCores.toFixed(2)} cores busy with other things, Node ${machine.node}`
  );
}

function cpuTimes(): { busyMs: number; allMs: number } {
  let [busyMs, allMs] = [0, 0];
  for (const { times } of cpus()) {
    const total = times.user + times.nice + times.sys + times.idle + times.irq;
    busyMs += total - times.idle;
    allMs += total;
  }
  return { busyMs, allMs };
}
