import { median } from "../statistics.js";

/** One look at a cluster under load. */
export interface SoakSample {
  /** Since the load began. */
  readonly atMs: number;
  /** Resident bytes by process. */
  readonly residentBytes: Readonly<Record<string, number>>;
  readonly blocksUsed: number;
  readonly requestsRunning: number;
}

/** How one process's memory went. */
export interface MemoryTrend {
  readonly process: string;
  /** Medians of the first and the last fifth after the warm-up. */
  readonly firstBytes: number;
  readonly lastBytes: number;
  /** 0.02 is 2 % more at the end. */
  readonly growth: number;
}

/** The part of a run that is warm-up, and the parts at both ends of the rest that are compared. */
const warmUpShare = 0.2;
const endShare = 0.2;

/** Compares every process's memory early and late in a run. */
export function memoryTrends(samples: readonly SoakSample[]): MemoryTrend[] {
  const endMs = samples.at(-1)?.atMs ?? 0;
  const warm = samples.filter(({ atMs }) => atMs >= warmUpShare * endMs);
  const count = Math.max(1, Math.floor(endShare * warm.length));
  const names = new Set(warm.flatMap(({ residentBytes }) => Object.keys(residentBytes)));
  return Array.from(names, (process) => {
    const bytes = (part: readonly SoakSample[]): number =>
      median(part.flatMap(({ residentBytes }) => residentBytes[process] ?? []));
    const [firstBytes, lastBytes] = [bytes(warm.slice(0, count)), bytes(warm.slice(-count))];
    return { process, firstBytes, lastBytes, growth: lastBytes / firstBytes - 1 };
  });
}
