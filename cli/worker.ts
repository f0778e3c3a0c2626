import { readFile } from "node:fs/promises";
import { availableParallelism, hostname } from "node:os";
import type { Command } from "commander";
import { z } from "zod";
import type { SettingName } from "../common/config.js";
import { StagecoachError } from "../common/errors.js";
import { hasParent, reportReady } from "../common/parent-watch.js";
import type { NamedDevice } from "../stage-worker/device-name.js";
import { serveUntilEnded } from "./serve.js";
import { addSettings, homeOf, readSettings } from "./setting-options.js";

/** The settings of a worker; `up` hands them on. */
export const workerSettings = [
  "home",
  "join",
  "listen",
  "advertise",
  "workerId",
  "device",
  "gpuWeights",
  "hops",
  "threads",
  "cpus",
  "memoryLimitBytes",
  "kvCacheMemory",
  "throttle",
  "simulation",
  "logLevel",
  "stopTimeoutMs",
] as const satisfies readonly SettingName[];

export function register(program: Command): void {
  const command = program
    .command("worker")
    .description("run a worker: it joins a coordinator and computes the layers that it is given");
  addSettings(command, workerSettings)
    .addHelpText(
      "after",
      `
Examples:
  $ stagecoach worker --join 10.0.0.1:7070 --listen 10.0.0.2:0 --threads 8
  $ stagecoach worker --device cuda:0,cuda:1 --worker-id gpus
  $ stagecoach worker --device simulated --worker-id slow --throttle 2

With several devices the process has a stage on each. They join as gpus-0, gpus-1 and so on, take a port each, and
hand activations to each other in memory; what one device fails with costs the others nothing, what ends the process
ends all. A device may come twice: its memory is shared out.
`,
    )
    .action(() => runWorkerCommand(command));
}

async function runWorkerCommand(command: Command): Promise<void> {
  const values = readSettings(command, workerSettings);
  const simulation = values.simulation === undefined ? undefined : await readSimulation(values.simulation);
  // Loaded only here: other commands need no engine.
  const { runWorkers } = await import("../stage-worker/run-workers.js");
  const { chooseDevices } = await import("../stage-worker/choose-devices.js");
  const devices = await chooseDevices(values.device);
  const running = await runWorkers({
    home: homeOf(command),
    join: values.join,
    listen: values.listen,
    workerId: values.workerId ?? defaultWorkerId(),
    devices,
    threads: values.threads ?? threadShare(devices),
    throttle: values.throttle,
    hops: values.hops,
    gpuWeights: values.gpuWeights,
    logLevel: values.logLevel,
    ...(values.advertise !== undefined && { advertise: values.advertise }),
    ...(values.memoryLimitBytes !== undefined && { memoryLimitBytes: values.memoryLimitBytes }),
    ...(values.kvCacheMemory !== undefined && { kvMemoryBytes: values.kvCacheMemory }),
    ...(values.cpus !== undefined && { cpus: values.cpus }),
    ...(simulation !== undefined && { simulation }),
  });
  const addresses = running.addresses.join(", ");
  if (hasParent()) reportReady({ addresses });
  else process.stderr.write(`listens on ${addresses}, joining ${values.join}\n`);
  try {
    await serveUntilEnded(running, values.stopTimeoutMs);
  } catch (reason) {
    // A thread that hangs in a lost device would keep the process.
    setTimeout(() => process.exit(1), values.stopTimeoutMs).unref();
    throw reason;
  }
}

/** Processors are shared out among the CPUs of a list, or, without one, among all of it. */
function threadShare(devices: readonly NamedDevice[]): number {
  const cpus = devices.filter(({ device }) => device === "cpu").length;
  return Math.max(1, Math.floor(availableParallelism() / (cpus || devices.length)));
}

/** Subjects and tables want names without blanks. */
function defaultWorkerId(): string {
  return `${hostname()
    .replace(/[^A-Za-z0-9._-]/g, "-")
    .slice(0, 48)}-${process.pid}`;
}

const time = z.strictObject({ alphaMs: z.number().nonnegative(), betaMs: z.number().nonnegative() });
const simulationFile = z.strictObject({
  layerDecode: time,
  layerPrefill: time,
  embedding: time,
  head: time,
  endAtLength: z.number().int().positive().exactOptional(),
  endTokenId: z.number().int().nonnegative().exactOptional(),
  mostScores: z.number().int().positive().exactOptional(),
  lostAtRun: z.number().int().positive().exactOptional(),
});

async function readSimulation(path: string): Promise<z.infer<typeof simulationFile>> {
  try {
    return simulationFile.parse(JSON.parse(await readFile(path, "utf8")));
  } catch (cause) {
    const reason = cause instanceof z.ZodError ? z.prettifyError(cause) : StagecoachError.from(cause).message;
    throw new StagecoachError("INVALID_ARGUMENT", `--simulation ${path} cannot be used: ${reason}`, {
      cause,
    });
  }
}
