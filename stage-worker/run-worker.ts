import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { StagecoachError } from "../common/errors.js";
import { startGrpc } from "../common/grpc-server.js";
import type { Home } from "../common/home.js";
import { parseListenAddress } from "../common/listen-address.js";
import { createLogger, type LogOptions } from "../common/log.js";
import { version } from "../common/package-root.js";
import { openStore } from "../model/store/model-store.js";
import { advertisedAddress } from "./advertised-address.js";
import type { ChosenDevice } from "./choose-device.js";
import { deviceIdentity } from "./device-identity.js";
import { deviceMemory } from "./device-memory.js";
import { deviceName } from "./device-name.js";
import { isDeviceLost } from "./engine/device-failure.js";
import type { SimulationOptions } from "./engine/simulated-runner.js";
import { Presence } from "./membership/presence.js";
import { freeShare } from "./memory-limits.js";
import { BlobKeeper } from "./transport/blob-keeper.js";
import { ModelMeasurer } from "./transport/model-measurer.js";
import type { ProcessStages } from "./transport/process-stages.js";
import { stageService } from "./transport/stage-service.js";
import { StageSlot } from "./transport/stage-slot.js";
import type { WantedGpuWeights } from "./weights/choose-gpu-weights.js";
import { GpuWeights } from "./weights/gpu-weights.js";

/** What a worker is started with. */
export interface WorkerOptions {
  readonly home: Home;
  /** The coordinator's host:port. */
  readonly join: string;
  /** host:port of the worker's own server; port 0 takes a free one. */
  readonly listen: string;
  /** Unique in the cluster. */
  readonly workerId: string;
  readonly device: ChosenDevice;
  /** Intra-op threads of the engine. */
  readonly threads: number;
  /** What weights and KV may take. Defaults to nine tenths of the memory that is free when a stage is loaded. */
  readonly memoryLimitBytes?: number;
  /** What KV may take of that. Defaults to all that the weights leave. */
  readonly kvMemoryBytes?: number;
  /** The form in which a GPU holds weights that are stored packed. Defaults to "auto". */
  readonly gpuWeights?: WantedGpuWeights;
  /** Times of the simulated device. Defaults to none at all. */
  readonly simulation?: SimulationOptions;
  /** Computing takes this many times as long. Defaults to 1. */
  readonly throttle?: number;
  /** Processors that the engine keeps to, e.g. `0-3`. Defaults to any. */
  readonly cpus?: string;
  readonly logLevel?: LogOptions["level"];
  /** How frames and outputs come and go: over links where they can be had, or by gRPC only. Defaults to "link". */
  readonly hops?: "link" | "grpc";
  /** host:port that the worker tells others. Defaults to where it listens. */
  readonly advertise?: string;
  /** The workers of this process, of which this one becomes one; frames go between them by transfer. */
  readonly neighbours?: ProcessStages;
}

/** A worker that listens, and joins or has joined. */
export interface RunningWorker {
  /** host:port where it listens, with the port that was really taken. */
  readonly address: string;
  readonly workerId: string;
  /**
   * Resolves when the worker has ended, by `close` or because the coordinator asked for it; rejects with a
   * StagecoachError when the coordinator refused it or its device is lost. Everything is freed by then.
   */
  readonly closed: Promise<void>;
  close(): Promise<void>;
}

const serverGraceMs = 1_000;
const lostGraceMs = 3_000;

/**
 * Starts a worker: its Stage service, and its membership in the cluster, which is taken up in the background
 * and again whenever the coordinator was away. A stage whose coordinator is lost serves nobody, so it is freed.
 * @throws StagecoachError INVALID_ARGUMENT for options that cannot be, FAILED_PRECONDITION when the port is taken
 */
export async function runWorker(options: WorkerOptions): Promise<RunningWorker> {
  checkOptions(options);
  const { home, workerId, threads, simulation, throttle, cpus } = options;
  const neighbours = options.hops === "grpc" ? undefined : options.neighbours;
  const { reason, environment: _taken, ...device } = options.device;
  const log = createLogger({ level: options.logLevel ?? "info", name: `worker ${workerId}` });
  if (reason !== undefined) log.info({ device: deviceName(device) }, reason);
  const memoryLimitBytes = async () =>
    options.memoryLimitBytes ?? Math.floor((await deviceMemory(device)).freeBytes * freeShare);
  const identity = await deviceIdentity(device);
  const spec = {
    ...device,
    ...(simulation && { simulation }),
    ...(throttle !== undefined && { throttle }),
    ...(cpus !== undefined && { cpus }),
  };
  const store = openStore(home);
  const blobs = new BlobKeeper(store, log);
  const wanted = options.gpuWeights ?? "auto";
  const weights = new GpuWeights({ device: device.device, wanted, store, blobs, log });
  const slot = new StageSlot({
    device: spec,
    blobs,
    blobsFolder: home.blobs,
    weights,
    memoryLimitBytes,
    linkHost: () =>
      options.hops === "grpc" ? undefined : parseListenAddress(server.address, "--listen").host,
    ...(neighbours !== undefined && { neighbours }),
    ...(options.kvMemoryBytes !== undefined && { kvMemoryBytes: options.kvMemoryBytes }),
    onChange: (state) => {
      presence.changed();
      if (state.kind === "failed") endIfLost(state.reason);
    },
    log,
  });
  const measurer = new ModelMeasurer({
    device: spec,
    identity,
    threads,
    home,
    blobs,
    weights,
    memoryLimitBytes,
    log,
  });
  const measure: typeof measurer.measure = async (request, signal) => {
    try {
      return await measurer.measure(request, signal);
    } catch (reason) {
      endIfLost(reason);
      throw reason;
    }
  };
  const server = await startGrpc({
    services: [stageService({ slot, threads, measure, isHere: (at) => neighbours?.has(at) ?? false })],
    listen: options.listen,
    log,
  });
  server.setServing(true);
  const address = options.advertise ?? advertisedAddress(server.address);
  neighbours?.add(address, slot);

  const incarnation = randomUUID();
  const unload = (why: string): Promise<void> => slot.unload(new StagecoachError("UNAVAILABLE", why));
  const presence = new Presence({
    address: options.join,
    workerId,
    incarnation,
    hello: async () => ({
      workerId,
      incarnation,
      version,
      address,
      device: deviceName(device),
      threads,
      totalMemoryBytes: (await deviceMemory(device)).totalBytes,
      freeMemoryBytes: await memoryLimitBytes(),
      processId: process.pid,
      deviceId: identity.id,
    }),
    state: () => slot.state,
    onLost: () => {
      unload("the coordinator went away").catch((err: unknown) => log.error({ err }, "unloading failed"));
    },
    log,
  });

  const leaving = new AbortController();
  let lost: StagecoachError | undefined;
  /** What a device lost, this process does not get back; whoever starts the worker anew may. */
  function endIfLost(reason: unknown): void {
    if (lost !== undefined || !isDeviceLost(reason)) return;
    const { code, message } = StagecoachError.from(reason);
    lost = new StagecoachError(code, `${message}: this worker ends; start it again`, { cause: reason });
    leaving.abort(lost);
  }

  const closed = presence
    .run(leaving.signal)
    .then((reason) => log.info({ reason }, "leaving the cluster"))
    .finally(async () => {
      neighbours?.remove(address);
      const freed = unload(`worker ${workerId} ends`);
      // What hangs in a lost device never ends.
      await (lost === undefined
        ? freed
        : Promise.race([freed, sleep(lostGraceMs, undefined, { ref: false })]));
      await presence.close();
      await server.close(serverGraceMs);
      if (lost !== undefined) throw lost;
    });
  // Whoever started the worker may look at `closed` late.
  closed.catch(() => undefined);
  return {
    address: server.address,
    workerId,
    closed,
    close: async () => {
      leaving.abort();
      await closed.catch(() => undefined);
    },
  };
}

function checkOptions({ workerId, join, threads, throttle = 1 }: WorkerOptions): void {
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(workerId)) {
    throw invalid(`worker id ${JSON.stringify(workerId)}: use 1 to 64 letters, digits, ".", "_" or "-"`);
  }
  if (parseListenAddress(join, "--join").port === 0) throw invalid(`cannot join ${join}: port 0 is nobody's`);
  if (!Number.isInteger(threads) || threads < 1) throw invalid(`threads is ${threads}; it must be 1 or more`);
  if (!(throttle >= 1)) throw invalid(`throttle is ${throttle}; it must be 1 or more`);
}

function invalid(message: string): StagecoachError {
  return new StagecoachError("INVALID_ARGUMENT", message);
}
