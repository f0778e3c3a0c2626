import { availableParallelism } from "node:os";
import { flagsFor, type SettingName, type SettingValues } from "../../common/config.js";
import { pinnableCpus } from "../../common/machine-cpus.js";
import { deviceMemory } from "../../stage-worker/device-memory.js";
import { parseDevice } from "../../stage-worker/device-name.js";
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

/** The part of the free memory that workers may take. */
const freeShare = 0.9;

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

/** The arguments of one of its workers; they share out the machine's processors and the device's free memory. */
export function workerFlags(
  values: UpSettings,
  workerId: string,
  grpc: string,
  workerCount: number,
): string[] {
  const threads = values.threads ?? Math.max(1, Math.floor(availableParallelism() / workerCount));
  const cpus = cpuShare(pinnableCpus(), Number(workerId.slice(1)), workerCount, threads);
  const shares = {
    threads,
    ...(cpus !== undefined && { cpus }),
    memoryLimitBytes:
      values.memoryLimitBytes ??
      Math.floor((deviceMemory(parseDevice(values.device)).freeBytes * freeShare) / workerCount),
  };
  const addresses = { join: dialable(grpc), listen: "127.0.0.1:0" };
  return ["worker", ...flagsFor({ ...pick(values, workerSettings), ...shares, ...addresses, workerId })];
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
