import { join } from "node:path";
import { StagecoachError } from "../../common/errors.js";
import type { Home } from "../../common/home.js";
import { packageRoot } from "../../common/package-root.js";
import { dialable } from "../client.js";
import { type ClusterFile, describeProcess, writeClusterFile } from "../state/cluster-file.js";
import { awaitServing } from "./await-serving.js";
import { Child } from "./child.js";
import { Fleet } from "./fleet.js";
import { findNatsServer, startNatsServer } from "./nats-server.js";
import { servesWithout } from "./serves-without.js";
import { settleDevice } from "./settle-device.js";
import { coordinatorFlags, sizesOf, type UpSettings, workerFlags } from "./up-settings.js";
import { workerProcesses } from "./worker-processes.js";

/** What `up` needs beside its settings. */
export interface StartOptions {
  readonly home: Home;
  readonly values: UpSettings;
  /** The command line's script. Defaults to the built one. */
  readonly script?: string;
  /** Ends the start; what was started by then is ended too. */
  readonly signal: AbortSignal;
  /** Hears what start-up is doing, a sentence at a time. */
  readonly onProgress: (line: string) => void;
  /** Hears of a process that ended although serving goes on without it. Defaults to onProgress. */
  readonly onLoss?: (lines: string) => void;
}

/** A cluster of processes on this machine that serves. */
export interface RunningLocalCluster {
  readonly http: string;
  readonly grpc: string;
  readonly nats: string | undefined;
  /** `on`, or why there are no events. */
  readonly events: string;
  readonly workerCount: number;
  /** Where the processes log. */
  readonly logFolder: string;
  /** Resolves when a process ended that should not have. */
  readonly broken: Promise<StagecoachError>;
  /** Ends everything; what does not end in time is killed. */
  stop(): Promise<void>;
  /** Kills everything at once. */
  kill(): void;
}

/**
 * Starts NATS (where it is installed), a coordinator and its workers as child processes and waits until
 * they serve. The caller holds the home; see `withHome`.
 * @throws StagecoachError what any of them ended with, DEADLINE_EXCEEDED after `startTimeoutMs`,
 * CANCELLED when the signal aborts
 */
export async function startCluster(given: StartOptions): Promise<RunningLocalCluster> {
  const options = { ...given, values: await settleDevice(given.values, given.onProgress) };
  const { onLoss = options.onProgress } = options;
  const fleet = new Fleet(options.values.stopTimeoutMs, ({ message }) =>
    onLoss(`${message}\nServing goes on without events.`),
  );
  const deadline = AbortSignal.timeout(options.values.startTimeoutMs);
  const failed = new AbortController();
  const bringing = bringUp(options, fleet, AbortSignal.any([options.signal, deadline, failed.signal]));
  try {
    return await Promise.race([bringing, rejectWith(fleet.broken)]);
  } catch (reason) {
    failed.abort();
    await Promise.allSettled([bringing]);
    await fleet.stop();
    throw explainEnd(reason, options, deadline.aborted);
  }
}

async function bringUp(
  options: StartOptions,
  fleet: Fleet,
  signal: AbortSignal,
): Promise<RunningLocalCluster> {
  const { values, onProgress } = options;
  const { workerCount } = sizesOf(values);
  const logFolder = join(options.home.state, "logs");
  const record = await openRecord(options);

  const nats = await startNats(options, fleet, signal);
  if (nats.process !== undefined)
    await record(nats.process, nats.url === undefined ? {} : { nats: nats.url });

  onProgress("starting the coordinator");
  const coordinator = await startChild(
    options,
    "coordinator",
    coordinatorFlags(values, nats.url),
    onProgress,
  );
  fleet.add(coordinator, "coordinator");
  await record({ name: "coordinator", pid: coordinator.pid });
  const facts = await coordinator.ready(signal);
  const [http, grpc] = [String(facts["http"]), String(facts["grpc"])];
  await record(undefined, { http, grpc });

  onProgress(`starting ${workerCount} workers`);
  const processes = workerProcesses(values);
  const workers = await Promise.all(
    processes.map(async ({ workerId }, index) => {
      const worker = await startChild(
        options,
        `worker ${workerId}`,
        await workerFlags(values, processes, index, grpc),
      );
      fleet.add(worker, "worker");
      return worker;
    }),
  );
  for (const worker of workers) await record({ name: worker.name, pid: worker.pid });
  await Promise.all(workers.map((worker) => worker.ready(signal)));

  const status = await awaitServing(dialable(grpc), onProgress, signal);
  if (values.replicas > 1) bearLosses(options, fleet, dialable(grpc));
  return {
    http,
    grpc,
    nats: nats.url,
    events: nats.url === undefined ? nats.reason : status.events,
    workerCount,
    logFolder,
    broken: fleet.broken,
    stop: () => fleet.stop(),
    kill: () => fleet.kill(),
  };
}

/** One replica's worker does not take the others with it. */
function bearLosses(options: StartOptions, fleet: Fleet, address: string): void {
  const { values, signal, onLoss = options.onProgress } = options;
  const { stages } = sizesOf(values);
  fleet.bearLosses(async ({ name }, { message }) => {
    const serves = await servesWithout(name.replace(/^worker /, ""), { address, stages, signal });
    if (serves) onLoss(`${message}\nThe other replicas go on serving.`);
    return serves;
  });
}

function startChild(
  { home, script = defaultScript() }: StartOptions,
  name: string,
  args: readonly string[],
  onProgress?: (text: string) => void,
): Promise<Child> {
  const logPath = join(home.state, "logs", `${name.replace(/^worker /, "")}.log`);
  return Child.start({ name, script, args, logPath, ...(onProgress !== undefined && { onProgress }) });
}

function defaultScript(): string {
  return join(packageRoot, "dist", "cli", "main.js");
}

type Nats =
  | { url: string; process: { name: string; pid: number } | undefined }
  | { url: undefined; process: undefined; reason: string };

async function startNats(options: StartOptions, fleet: Fleet, signal: AbortSignal): Promise<Nats> {
  const { home, values, script = defaultScript() } = options;
  if (values.nats === "off") return { url: undefined, process: undefined, reason: "off: --nats off" };
  if (values.nats !== "auto") return { url: values.nats, process: undefined };
  const found = await findNatsServer();
  if (found === undefined) {
    const reason = "off: nats-server is not installed; `stagecoach doctor` says how to get it";
    return { url: undefined, process: undefined, reason };
  }
  options.onProgress("starting nats-server");
  const logPath = join(home.state, "logs", "nats-server.log");
  const server = await startNatsServer({ home, program: found.path, script, logPath, signal }, (child) =>
    fleet.add(child, "nats-server"),
  );
  return { url: server.url, process: { name: "nats-server", pid: server.pid } };
}

/** Keeps `state/cluster.json` true while processes and addresses come. */
async function openRecord({ home, values }: StartOptions) {
  const owner = await describeProcess("up", process.pid);
  if (owner === undefined) throw new StagecoachError("INTERNAL", "cannot read this process's own identity");
  const { cluster, model, variant } = values;
  let file: ClusterFile = { formatVersion: 1, owner, processes: [], cluster, model, variant };
  await writeClusterFile(home, file);
  return async (
    started: { name: string; pid: number } | undefined,
    facts: Partial<Pick<ClusterFile, "http" | "grpc" | "nats">> = {},
  ): Promise<void> => {
    const entry = started && (await describeProcess(started.name, started.pid));
    file = { ...file, ...facts, processes: [...file.processes, ...(entry === undefined ? [] : [entry])] };
    await writeClusterFile(home, file);
  };
}

async function rejectWith(broken: Promise<StagecoachError>): Promise<never> {
  throw await broken;
}

function explainEnd(reason: unknown, { values, signal, home }: StartOptions, tooLate: boolean): unknown {
  if (signal.aborted)
    return new StagecoachError("CANCELLED", "the start was interrupted; everything has been ended");
  if (!tooLate || reason instanceof StagecoachError) return reason;
  return new StagecoachError(
    "DEADLINE_EXCEEDED",
    `not ready after ${values.startTimeoutMs} ms: look into the logs in ${join(home.state, "logs")}, or raise --start-timeout-ms`,
    { cause: reason },
  );
}
