import { availableParallelism } from "node:os";
import { join } from "node:path";
import { targetOf } from "../../cli/bench/bench-target.js";
import { withClient } from "../../cli/client.js";
import { createProgressLine } from "../../cli/progress-line.js";
import { withHome } from "../../cli/state/with-home.js";
import { awaitServing } from "../../cli/up/await-serving.js";
import { Child, type ChildOptions } from "../../cli/up/child.js";
import { Fleet } from "../../cli/up/fleet.js";
import { flagsFor, type SettingValues } from "../../common/config.js";
import { packageRoot } from "../../common/package-root.js";
import type { ClusterStatus__Output } from "../../proto/gen/stagecoach/v1/ClusterStatus.js";
import { deviceMemory } from "../../stage-worker/device-memory.js";
import { parseDevice } from "../../stage-worker/device-name.js";
import type { BenchTarget } from "../load-runner.js";
import type { GpuBenchOptions } from "./gpu-bench-options.js";

/** A cluster whose workers need not be alike, which those of `up` are. */
export interface LocalClusterSpec {
  readonly stages: number;
  /** Devices of a worker each, as `--device` takes them. */
  readonly workerDevices: readonly string[];
  readonly maxNumSeqs: number;
  readonly maxContext: number;
  /** Of each worker. Defaults to its share of what is free. */
  readonly memoryLimitBytes?: number;
}

/** A cluster that serves. */
export interface LocalCluster {
  readonly target: BenchTarget;
  /** `host:port` of its HTTP interface. */
  readonly http: string;
  readonly startSeconds: number;
  readonly status: ClusterStatus__Output;
}

/** How clusters are started. */
export interface LocalClusterContext {
  readonly options: GpuBenchOptions;
  readonly model: string;
  readonly signal: AbortSignal;
  readonly onProgress: (line: string) => void;
}

const stopTimeoutMs = 5_000;
/** As `up` has it. */
const freeShare = 0.9;

/**
 * Runs `body` with a cluster of processes on this machine that lasts as long as it does.
 * @throws StagecoachError why it does not serve, and what a process of it ended with meanwhile
 */
export async function withLocalCluster<Result>(
  spec: LocalClusterSpec,
  context: LocalClusterContext,
  body: (cluster: LocalCluster) => Promise<Result>,
): Promise<Result> {
  const { home } = context.options;
  const state = join(home.state, "bench", "gpu");
  return await withHome({ ...home, state }, async (lost) => {
    const fleet = new Fleet(stopTimeoutMs);
    const broken = fleet.broken.then((error): never => {
      throw error;
    });
    const kill = (): void => fleet.kill();
    process.once("exit", kill);
    try {
      const signal = AbortSignal.any([context.signal, lost]);
      const running = run(spec, { ...context, signal }, fleet, join(state, "logs"), body);
      return await Promise.race([running, broken]);
    } finally {
      await fleet.stop();
      process.removeListener("exit", kill);
    }
  });
}

async function run<Result>(
  spec: LocalClusterSpec,
  context: LocalClusterContext,
  fleet: Fleet,
  logFolder: string,
  body: (cluster: LocalCluster) => Promise<Result>,
): Promise<Result> {
  const { signal } = context;
  const { say: onProgress } = createProgressLine({ write: (text) => context.onProgress(text.trimEnd()) });
  const startedMs = performance.now();
  const script = join(packageRoot, "dist", "cli", "main.js");
  const start = (name: string, args: string[], more: Partial<ChildOptions> = {}): Promise<Child> =>
    Child.start({ name, script, args, logPath: join(logFolder, `${name}.log`), ...more });
  const coordinator = await start("coordinator", coordinatorArgs(spec, context), { onProgress });
  fleet.add(coordinator, "coordinator");
  const facts = await coordinator.ready(signal);
  const [http, grpc] = [String(facts["http"]), String(facts["grpc"])];
  const workers = await Promise.all(
    spec.workerDevices.map(async (device, index) => {
      const worker = await start(`w${index}`, await workerArgs(spec, context, device, index, grpc));
      fleet.add(worker, "worker");
      return worker;
    }),
  );
  await Promise.all(workers.map((worker) => worker.ready(signal)));
  const status = await awaitServing(grpc, onProgress, signal);
  const startSeconds = (performance.now() - startedMs) / 1000;
  return await withClient(grpc, async (client) =>
    body({ target: await targetOf(client, http), http, startSeconds, status }),
  );
}

function coordinatorArgs(spec: LocalClusterSpec, { options, model }: LocalClusterContext): string[] {
  const { maxBatchTokens } = options;
  const values: Partial<SettingValues> = {
    home: options.home.root,
    model,
    variant: options.variant,
    http: "127.0.0.1:0",
    grpc: "127.0.0.1:0",
    nats: "off",
    stages: spec.stages,
    // One of several devices joins as a worker on each.
    expectedWorkers: spec.workerDevices.join(",").split(",").length,
    maxNumSeqs: spec.maxNumSeqs,
    maxContext: spec.maxContext,
    ...(maxBatchTokens !== undefined && { maxBatchTokens }),
  };
  return ["coordinator", ...flagsFor(values)];
}

async function workerArgs(
  { workerDevices, memoryLimitBytes }: LocalClusterSpec,
  { options }: LocalClusterContext,
  device: string,
  index: number,
  grpc: string,
): Promise<string[]> {
  const sharing = workerDevices.filter((other) => other === device).length;
  const threads = options.threads ?? Math.max(1, Math.floor(availableParallelism() / 2));
  // Processes on one device know nothing of each other; one alone looks for itself.
  const limit = memoryLimitBytes ?? (sharing > 1 ? await shareOfMemory(device, sharing) : undefined);
  return [
    "worker",
    ...flagsFor({
      home: options.home.root,
      join: grpc,
      listen: "127.0.0.1:0",
      workerId: `w${index}`,
      device,
      threads,
      ...(limit !== undefined && { memoryLimitBytes: limit }),
    }),
  ];
}

async function shareOfMemory(device: string, sharing: number): Promise<number> {
  const { freeBytes } = await deviceMemory(parseDevice(device));
  return Math.floor((freeBytes * freeShare) / sharing);
}
