import { fileURLToPath } from "node:url";
import { StagecoachError } from "../../common/errors.js";
import { formatBytes } from "../../model/store/format-bytes.js";
import { openStore } from "../../model/store/model-store.js";
import { gpuMemory } from "../../stage-worker/cuda/gpu-memory.js";
import { parseDevice } from "../../stage-worker/device-name.js";
import { stageWeightBytes } from "../../stage-worker/engine/ort/weight-bytes.js";
import { grpcSource } from "../grpc-source.js";
import { makeWorkload } from "../workload.js";
import type { GpuBenchOptions } from "./gpu-bench-options.js";
import { whileHeld } from "./hold-memory.js";
import { jsonLines } from "./json-lines.js";
import { type LocalCluster, type LocalClusterContext, withLocalCluster } from "./local-cluster.js";
import type { MemoryReport, MemoryTrial } from "./memory-report.js";

const requestsAtOnce = 8;
/** A cluster that says nothing until then has not refused. */
const startPatienceMs = 180_000;
/** The least that `--memory-limit-bytes` takes. */
const leastLimitBytes = 16 * 1_048_576;

/**
 * Asks for more memory than there is: starts a cluster where weights do not fit, fills the card up while another one
 * serves, and has a stage without room compute. Where the device does not tell what is free, a limit stands in for the
 * full card, and nothing is filled up.
 * @throws StagecoachError FAILED_PRECONDITION when a stage is not refused that cannot fit, or when what went on did not
 */
export async function tryMemory(
  context: LocalClusterContext,
  onReport: (report: MemoryReport) => Promise<void>,
): Promise<void> {
  const trials: MemoryTrial[] = [];
  const add = async (trial: MemoryTrial): Promise<MemoryTrial> => {
    trials.push(trial);
    const { name, computed, failed, reasons } = trial;
    context.onProgress(`${name}: ${[`${computed} computed`, `${failed} failed`, ...reasons].join(", ")}`);
    await onReport({ trials });
    return trial;
  };
  const tells = parseDevice(context.options.device).device === "cuda";
  const needed = await weightBytes(context);
  const roomBytes = Math.max(leastLimitBytes, Math.floor(needed / 2));
  const refused = await add(await startWithin(roomBytes, needed, context, tells));
  if (refused.failed === 0 && roomBytes < needed)
    throw unexpected("a stage was opened where its weights do not fit");
  for (const trial of await serveOnFull(context, tells)) await add(trial);
  let last: MemoryTrial | undefined;
  for await (const line of jsonLines(overrun(context, tells))) {
    last = await add(line as unknown as MemoryTrial);
  }
  const lastOnes = trials.filter((trial) => trial === last || trial.name === withRoom);
  if (lastOnes.some(({ failed }) => failed > 0)) throw unexpected("with room again, not all was computed");
}

/** A cluster whose one worker gets so much for weights and all else. */
async function startWithin(
  roomBytes: number,
  neededBytes: number,
  context: LocalClusterContext,
  tells: boolean,
): Promise<MemoryTrial> {
  const start = async (freeBytes?: number): Promise<MemoryTrial> => {
    const startedMs = performance.now();
    const limit = tells ? {} : { memoryLimitBytes: roomBytes };
    const signal = AbortSignal.any([context.signal, AbortSignal.timeout(startPatienceMs)]);
    const told = await withLocalCluster(
      { ...clusterOf(context.options), ...limit },
      { ...context, signal },
      async () => [],
    ).catch((reason: unknown) => {
      context.signal.throwIfAborted();
      return [StagecoachError.from(reason).message];
    });
    return {
      name: `start with ${formatBytes(roomBytes)} for ${formatBytes(neededBytes)} of weights`,
      ...(freeBytes !== undefined && { freeBytes }),
      computed: 1 - told.length,
      failed: told.length,
      reasons: told,
      seconds: (performance.now() - startedMs) / 1000,
    };
  };
  return tells ? await whileHeld(holding(context, roomBytes), start) : await start();
}

const withRoom = "requests, with room again";

/** Requests to a cluster that has computed its largest micro-batches before somebody takes all that is left. */
async function serveOnFull(context: LocalClusterContext, tells: boolean): Promise<MemoryTrial[]> {
  return await withLocalCluster(clusterOf(context.options), context, async (cluster) => {
    const trials: MemoryTrial[] = [];
    if (tells) {
      const request = async (freeBytes: number) =>
        await requestAll("requests, with nothing left free", cluster, context, freeBytes);
      trials.push(await whileHeld(holding(context, 0), request));
    }
    trials.push(await requestAll(withRoom, cluster, context, await freeOf(context.options.device, tells)));
    return trials;
  });
}

async function requestAll(
  name: string,
  { target }: LocalCluster,
  { options, signal }: LocalClusterContext,
  freeBytes: number | undefined,
): Promise<MemoryTrial> {
  const startedMs = performance.now();
  const source = grpcSource(target.client);
  const { longPromptTokens: promptTokens, outputTokens } = options;
  const { vocabularySize } = target;
  const seed = Date.now() % 1_000_000;
  const workload = makeWorkload({
    requests: requestsAtOnce,
    promptTokens,
    outputTokens,
    vocabularySize,
    seed,
  });
  const ends = await Promise.allSettled(
    workload.map(async (request) => {
      for await (const _ of source(request, signal));
    }),
  );
  signal.throwIfAborted();
  const reasons = ends.flatMap((end) => (end.status === "rejected" ? [describe(end.reason)] : []));
  return {
    name,
    ...(freeBytes !== undefined && { freeBytes }),
    computed: ends.length - reasons.length,
    failed: reasons.length,
    reasons: [...new Set(reasons)],
    seconds: (performance.now() - startedMs) / 1000,
  };
}

function overrun({ options, signal }: LocalClusterContext, tells: boolean) {
  const script = fileURLToPath(new URL("./overrun-trial.js", import.meta.url));
  const { shape, home, device, variant, longPromptTokens } = options;
  const flags = ["--home", home.root, "--device", device, "--variant", variant];
  const args = [script, shape, ...flags, "--tokens", String(longPromptTokens)];
  return {
    name: "overrun-trial",
    command: process.execPath,
    args: [...args, ...(tells ? [] : ["--leave-mib", ""])],
    signal,
  };
}

function clusterOf({ device, longPromptTokens, outputTokens }: GpuBenchOptions) {
  const maxContext = longPromptTokens + outputTokens + 16;
  return { stages: 1, workerDevices: [device], maxNumSeqs: requestsAtOnce, maxContext };
}

function holding({ options, signal }: LocalClusterContext, leaveBytes: number) {
  return { device: options.device, home: options.home.root, leaveBytes, signal };
}

async function weightBytes({ options, model }: LocalClusterContext): Promise<number> {
  const manifest = await openStore(options.home).find(model, options.variant);
  if (manifest === undefined) throw new StagecoachError("NOT_FOUND", `${model} is not in the home`);
  const endLayer = manifest.config.layerCount;
  return stageWeightBytes({ manifest, firstLayer: 0, endLayer, embedding: true, head: true });
}

async function freeOf(device: string, tells: boolean): Promise<number | undefined> {
  return tells ? (await gpuMemory(parseDevice(device).deviceIndex ?? 0)).freeBytes : undefined;
}

function describe(reason: unknown): string {
  const { code, message } = StagecoachError.from(reason);
  return `${code}: ${message}`;
}

function unexpected(message: string): StagecoachError {
  return new StagecoachError("FAILED_PRECONDITION", message);
}
