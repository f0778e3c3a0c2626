import { StagecoachError } from "../common/errors.js";
import { createLogger, type Logger } from "../common/log.js";
import type { ChosenDevice } from "./choose-device.js";
import { deviceName } from "./device-name.js";
import { memoryLimits } from "./memory-limits.js";
import { portAfter } from "./port-after.js";
import { type RunningWorker, runWorker, type WorkerOptions } from "./run-worker.js";
import { ProcessStages } from "./transport/process-stages.js";
import { takeAdapter } from "./webgpu/take-adapter.js";

/** What a process of workers is started with; `memoryLimitBytes` and `kvMemoryBytes` are each worker's. */
export interface WorkersOptions extends Omit<WorkerOptions, "device" | "neighbours"> {
  /** A worker on each. */
  readonly devices: readonly [ChosenDevice, ...ChosenDevice[]];
}

/** The workers of a process. */
export interface RunningWorkers {
  /** Where each listens, in the order of the devices. */
  readonly addresses: readonly string[];
  /** Settles when all have ended; rejects with what the first of them ended with, if it was refused. */
  readonly closed: Promise<void>;
  close(): Promise<void>;
}

/**
 * Starts a worker on each device, in this process. To the cluster they are workers like any others, with a name, a
 * port and heartbeats each; between them frames go from engine to engine by transfer. One alone has the name that is
 * given; several have it with `-0`, `-1` and so on behind it, and, where a port is given, that port and those after it.
 * Workers on the same device share its memory.
 * @throws StagecoachError as `runWorker`, and INVALID_ARGUMENT for devices that one process cannot have; none is left
 * running then
 */
export async function runWorkers({ devices, ...options }: WorkersOptions): Promise<RunningWorkers> {
  checkDevices(devices);
  for (const device of devices) takeAdapter(device);
  const neighbours = new ProcessStages();
  const workers: RunningWorker[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(workers.map((worker) => worker.close()));
  };
  try {
    for (const own of await ownOptions(devices, options))
      workers.push(await runWorker({ ...own, neighbours }));
  } catch (reason) {
    await close();
    throw reason;
  }
  const log = createLogger({ level: options.logLevel ?? "info", name: `workers ${options.workerId}` });
  return { addresses: workers.map(({ address }) => address), closed: allClosed(workers, log), close };
}

/** Those that are left go on; that one is gone is said at once, and is how the process ends. */
function allClosed(workers: readonly RunningWorker[], log: Logger): Promise<void> {
  const ends = workers.map(({ closed, workerId }) =>
    closed.catch((reason: unknown) => {
      if (workers.length > 1) log.error({ workerId, err: reason }, "a worker ended; the others go on");
      throw reason;
    }),
  );
  const closed = Promise.allSettled(ends).then((settled) => {
    for (const end of settled) if (end.status === "rejected") throw end.reason;
  });
  // Whoever started them may look at it late.
  closed.catch(() => undefined);
  return closed;
}

async function ownOptions(
  devices: readonly ChosenDevice[],
  options: Omit<WorkersOptions, "devices">,
): Promise<WorkerOptions[]> {
  if (devices.length === 1) return devices.map((device) => ({ ...options, device }));
  const { workerId, listen, advertise } = options;
  const limits = await memoryLimits(devices);
  return devices.map((device, index) => {
    const memoryLimitBytes = options.memoryLimitBytes ?? limits[index];
    return {
      ...options,
      device,
      workerId: `${workerId}-${index}`,
      listen: portAfter(listen, index, "--listen"),
      ...(advertise !== undefined && { advertise: portAfter(advertise, index, "--advertise") }),
      ...(memoryLimitBytes !== undefined && { memoryLimitBytes }),
    };
  });
}

/**
 * ONNX Runtime has one WebGPU device a process and does not guard it against a second thread: measured with 1.30, two
 * stages on it get each other's commands, and the process dies of it.
 */
function checkDevices(devices: readonly ChosenDevice[]): void {
  if (devices.filter(({ device }) => device === "webgpu").length < 2) return;
  throw new StagecoachError(
    "INVALID_ARGUMENT",
    `--device ${devices.map(deviceName).join(",")}: a process has one stage on WebGPU; start another worker for the second`,
  );
}
