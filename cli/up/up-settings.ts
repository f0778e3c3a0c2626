import { availableParallelism } from "node:os";
import { flagsFor, type SettingName, type SettingValues } from "../../common/config.js";
import { pinnableCpus } from "../../common/machine-cpus.js";
import { parseDevice } from "../../stage-worker/device-name.js";
import { memoryLimits } from "../../stage-worker/memory-limits.js";
import { dialable } from "../client.js";
import { coordinatorSettings } from "../coordinator.js";
import { workerSettings } from "../worker.js";

/** The settings of `up`: its own, and those it hands to the processes it starts. */
export const upSettings = [
  "home",
  "model",
  "variant",
  "activationDtype",
  "hops",
  "stages",
  "replicas",
  "routing",
  "device",
  "gpuWeights",
  "threads",
  "http",
  "grpc",
  "nats",
  "cluster",
  "maxNumSeqs",
  "maxBatchTokens",
  "maxWaiting",
  "maxWaitingTokens",
  "targetItlMs",
  "batching",
  "prefixCache",
  "maxContext",
  "blockSize",
  "memoryLimitBytes",
  "kvCacheMemory",
  "throttle",
  "simulation",
  "logLevel",
  "startTimeoutMs",
  "stopTimeoutMs",
] as const satisfies readonly SettingName[];

export type UpSettings = SettingValues<(typeof upSettings)[number]>;

/** A worker process of `up`. */
export interface WorkerProcess {
  /** With several devices, what the names of its workers begin with. */
  readonly workerId: string;
  /** A worker on each. */
  readonly devices: readonly string[];
}

const usualStageCount = 2;

/** Stages of each pipeline, and the workers that `up` starts for all of them. */
export function sizesOf({ stages = usualStageCount, replicas }: UpSettings): {
  stages: number;
  workerCount: number;
} {
  return { stages, workerCount: stages * replicas };
}

/** The arguments of the coordinator that `up` starts. */
export function coordinatorFlags(values: UpSettings, natsUrl: string | undefined): string[] {
  const own = pick(values, coordinatorSettings);
  const { stages, workerCount } = sizesOf(values);
  return [
    "coordinator",
    ...flagsFor({ ...own, stages, expectedWorkers: workerCount, nats: natsUrl ?? "off" }),
  ];
}

/** The arguments of one of its worker processes; workers share out the machine's processors and their devices' memory. */
export async function workerFlags(
  values: UpSettings,
  workers: readonly WorkerProcess[],
  index: number,
  grpc: string,
): Promise<string[]> {
  const { workerId, devices } = workers[index] as WorkerProcess;
  const threads = values.threads ?? threadShare(workers);
  // Where some compute elsewhere, the processors are not all the CPUs' own.
  const alike = new Set(workers.flatMap((worker) => worker.devices)).size === 1;
  const cpus = alike ? cpuShare(pinnableCpus(), index, workers.length, threads) : undefined;
  const memoryLimitBytes = values.memoryLimitBytes ?? (await memoryShare(workers, index));
  const shares = {
    threads,
    ...(cpus !== undefined && { cpus }),
    ...(memoryLimitBytes !== undefined && { memoryLimitBytes }),
  };
  const own = { join: dialable(grpc), listen: "127.0.0.1:0", workerId, device: devices.join(",") };
  return ["worker", ...flagsFor({ ...pick(values, workerSettings), ...shares, ...own })];
}

/** Processors are shared out among the CPU stages, or, without one, among all. */
function threadShare(workers: readonly WorkerProcess[]): number {
  const devices = workers.flatMap((worker) => worker.devices);
  const cpus = devices.filter((device) => device === "cpu").length;
  return Math.max(1, Math.floor(availableParallelism() / (cpus || devices.length)));
}

/** Of a process with several devices the workers share out by themselves what is theirs alone. */
async function memoryShare(workers: readonly WorkerProcess[], index: number): Promise<number | undefined> {
  if ((workers[index] as WorkerProcess).devices.length > 1) return undefined;
  const limits = await memoryLimits(workers.flatMap((worker) => worker.devices.map(parseDevice)));
  return limits[workers.slice(0, index).reduce((count, { devices }) => count + devices.length, 0)];
}

/**
 * The processors of one worker where all of them together take every one: engines that move between processors get
 * into each other's way. Where some are left free, the system knows better.
 */
export function cpuShare(
  cpus: readonly number[],
  index: number,
  workerCount: number,
  threads: number,
): string | undefined {
  if (cpus.length !== workerCount * threads || workerCount === 1) return undefined;
  return cpus.slice(index * threads, (index + 1) * threads).join(",");
}

/** The values that are among the names. */
function pick(values: UpSettings, names: readonly SettingName[]): Partial<SettingValues> {
  return Object.fromEntries(
    Object.entries(values).filter(([name]) => names.some((wanted) => wanted === name)),
  );
}
