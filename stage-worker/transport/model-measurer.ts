import type { Home } from "../../common/home.js";
import type { Logger } from "../../common/log.js";
import type { ActivationDtype } from "../../common/tensor.js";
import type { Manifest } from "../../model/store/manifest.js";
import { type ModelPart, stageBlobs } from "../../model/store/stage-blobs.js";
import type { MeasureReply } from "../../proto/gen/stagecoach/v1/MeasureReply.js";
import type { MeasureRequest__Output } from "../../proto/gen/stagecoach/v1/MeasureRequest.js";
import { installedRuntime } from "../cuda/provider-files.js";
import type { DeviceIdentity } from "../device-identity.js";
import type { RunnerSpec } from "../engine/create-runner.js";
import { deviceKv } from "../engine/device-kv.js";
import type { MeasuredTime, ModelTimes } from "../engine/measure-model.js";
import {
  type BenchLimits,
  benchLimits,
  type MeasureSchedule,
  measuredLayers,
  measureSchedule,
} from "../engine/measure-schedule.js";
import { runMeasure } from "../engine/run-measure.js";
import { instantSimulation, type SimulationOptions } from "../engine/simulated-runner.js";
import { slowedLine, throttledTimes } from "../engine/throttled-times.js";
import type { SequenceDemand } from "../weights/choose-gpu-weights.js";
import { type ChosenWeights, describeWeights, type GpuWeights } from "../weights/gpu-weights.js";
import { cpuHeldWeights, heldWeights } from "../weights/held-weights.js";
import type { BlobKeeper } from "./blob-keeper.js";
import { KeptTimes, timesKey } from "./kept-times.js";
import { readManifestField } from "./load-request.js";

/** What measuring needs of the worker. */
export interface ModelMeasurerOptions {
  readonly device: Pick<RunnerSpec, "device" | "deviceIndex" | "simulation" | "throttle" | "cpus">;
  readonly identity: DeviceIdentity;
  /** Where a request names no threads. */
  readonly threads: number;
  readonly home: Home;
  readonly blobs: BlobKeeper;
  readonly weights: GpuWeights;
  readonly memoryLimitBytes: () => Promise<number>;
  readonly log: Logger;
}

/** Of times that differ by more than this between two looks, another measurement may be better. */
const mostDisturbance = 0.15;

/** Of a request that does not say. */
const usualNeeds = { maxSequences: 16, maxBatchTokens: 512 };

/** What is measured, and how. */
interface MeasureJob {
  readonly manifest: Manifest;
  readonly blobAddress: string;
  readonly threads: number;
  /** As a stage will hold them that gets its share of the layers. */
  readonly weights: ChosenWeights;
  readonly schedule: MeasureSchedule;
  readonly limits: BenchLimits;
  readonly activationDtype: ActivationDtype;
}

/**
 * Answers Measure. Times are kept in memory and, for the next start, below the home's state, by everything
 * that they depend on. A simulated device is not timed: its times are given.
 */
export class ModelMeasurer {
  readonly #options: ModelMeasurerOptions;
  readonly #kept: KeptTimes;
  readonly #measured = new Map<string, ModelTimes>();
  /** Measurements disturb each other, so there is one at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: ModelMeasurerOptions) {
    this.#options = options;
    this.#kept = new KeptTimes(options.home, options.log);
  }

  /**
   * @throws StagecoachError INVALID_ARGUMENT for a bad manifest, otherwise what blobs or runner cannot be had for
   */
  async measure(request: MeasureRequest__Output, signal: AbortSignal): Promise<MeasureReply> {
    const manifest = readManifestField(request.manifestJson);
    const { device, throttle = 1, simulation = instantSimulation } = this.#options.device;
    const kv = deviceKv(device, manifest);
    const { weights } = this.#options;
    const memoryBytes = await this.#options.memoryLimitBytes();
    const facts = {
      freeMemoryBytes: memoryBytes,
      blockSize: kv.blockSize,
      kvBytesPerTokenLayer: kv.bytesPerTokenLayer,
    };
    if (device === "simulated") return { ...slowedSimulation(simulation, throttle), ...facts };
    const held = weights.onGpu
      ? heldWeights(manifest, weights.wanted, demandOf(manifest, request))
      : cpuHeldWeights(manifest);
    const job = this.#jobOf(manifest, request, memoryBytes);
    const plain = await this.#inTurn(() => this.#timesOf(job, signal));
    const { disturbance, ...times } = throttledTimes(plain, throttle);
    return { ...withPoints(times), unsteady: disturbance > mostDisturbance, ...facts, weights: held };
  }

  #jobOf(manifest: Manifest, request: MeasureRequest__Output, memoryBytes: number): MeasureJob {
    const { device } = this.#options.device;
    const needs = {
      maxSequences: request.maxSequences || usualNeeds.maxSequences,
      maxBatchTokens: request.maxBatchTokens || usualNeeds.maxBatchTokens,
    };
    const schedule = measureSchedule(device, manifest, needs);
    const activationDtype =
      request.activationDtype === "DATA_TYPE_UNSPECIFIED" ? "FLOAT32" : request.activationDtype;
    const limits = benchLimits(schedule, deviceKv(device, manifest).blockSize);
    const stages = Math.max(1, request.stages);
    const share = { ...wholeOf(manifest), endLayer: Math.ceil(manifest.config.layerCount / stages) };
    const demand = { ...demandOf(manifest, request), laneCount: stages, memoryBytes };
    return {
      manifest,
      blobAddress: request.blobAddress,
      threads: request.threads || this.#options.threads,
      weights: this.#options.weights.choose(share, demand),
      schedule,
      limits,
      activationDtype,
    };
  }

  async #inTurn<Value>(run: () => Promise<Value>): Promise<Value> {
    const mine = this.#turn.then(run);
    this.#turn = mine.catch(() => undefined);
    return await mine;
  }

  async #timesOf(job: MeasureJob, signal: AbortSignal): Promise<ModelTimes> {
    const key = this.#key(job);
    const known = this.#measured.get(key) ?? (await this.#kept.read(key));
    const times = known ?? (await this.#steadyTimes(job, signal));
    this.#measured.set(key, times);
    // What was measured on a busy machine serves this once.
    if (known === undefined && times.disturbance <= mostDisturbance) await this.#kept.keep(key, times);
    return times;
  }

  #key({ limits, weights, blobAddress: _, ...job }: MeasureJob): string {
    const { identity } = this.#options;
    const { device, cpus } = this.#options.device;
    const runtime = installedRuntime().version;
    const form = `${weights.name}${weights.fewRowsKernel ? ", few rows" : ""}`;
    return timesKey({ ...job, device, identity, runtime, cpus, form, blockSize: limits.blockSize });
  }

  /** Measured once more when the machine was busy; of two unsteady ones the steadier. */
  async #steadyTimes(job: MeasureJob, signal: AbortSignal): Promise<ModelTimes> {
    const first = await this.#time(job, signal);
    if (first.disturbance <= mostDisturbance) return first;
    this.#options.log.warn(
      { disturbance: first.disturbance },
      "the machine was busy while it was measured; once more",
    );
    const second = await this.#time(job, signal);
    return second.disturbance <= first.disturbance ? second : first;
  }

  async #time(
    { manifest, blobAddress, weights, schedule, limits, threads, activationDtype }: MeasureJob,
    signal: AbortSignal,
  ): Promise<ModelTimes> {
    const { home, blobs, log } = this.#options;
    const { device, deviceIndex, cpus } = this.#options.device;
    const part = { ...wholeOf(manifest), endLayer: measuredLayers(manifest, schedule) };
    await blobs.ensure(stageBlobs(part), { blobAddress, signal });
    const held = await this.#options.weights.prepare(part, weights, { signal });
    const startedMs = performance.now();
    const options = {
      ...part,
      manifest: held,
      ...limits,
      activationDtype,
      blobsFolder: home.blobs,
      threads,
      memoryLimitBytes: await this.#options.memoryLimitBytes(),
      fewRowsKernel: weights.fewRowsKernel,
    };
    const spec = {
      device,
      ...(deviceIndex !== undefined && { deviceIndex }),
      ...(cpus !== undefined && { cpus }),
      options,
    };
    const times = await runMeasure(spec, schedule, signal);
    const ms = Math.round(performance.now() - startedMs);
    log.info({ model: manifest.model, ...describeWeights(weights), times, ms }, "measured a model");
    return times;
  }
}

function wholeOf(manifest: Manifest): ModelPart {
  return { manifest, firstLayer: 0, endLayer: manifest.config.layerCount, embedding: true, head: true };
}

/** What is going to be served, as far as the coordinator knows it. */
function demandOf(
  { config }: Manifest,
  { maxSequences, maxContext }: MeasureRequest__Output,
): SequenceDemand {
  return {
    maxSequences: maxSequences || usualNeeds.maxSequences,
    maxContext: maxContext || config.contextLength,
  };
}

type SimulatedTimes = Pick<SimulationOptions, "layerDecode" | "layerPrefill" | "embedding" | "head">;

function slowedSimulation(simulation: SimulatedTimes, factor: number): SimulatedTimes {
  return {
    layerDecode: slowedLine(simulation.layerDecode, factor),
    layerPrefill: slowedLine(simulation.layerPrefill, factor),
    embedding: slowedLine(simulation.embedding, factor),
    head: slowedLine(simulation.head, factor),
  };
}

/** Messages want arrays that could be written to. */
function withPoints(times: Omit<ModelTimes, "disturbance">) {
  const of = ({ points, ...line }: MeasuredTime) => ({ ...line, points: [...points] });
  return {
    ...times,
    layerDecode: of(times.layerDecode),
    layerPrefill: of(times.layerPrefill),
    embedding: of(times.embedding),
    head: of(times.head),
  };
}
