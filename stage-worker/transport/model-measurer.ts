import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { cpus, hostname } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { StagecoachError } from "../../common/errors.js";
import type { Home } from "../../common/home.js";
import type { Logger } from "../../common/log.js";
import { version } from "../../common/package-root.js";
import { writeFileAtomic } from "../../model/store/atomic-file.js";
import { isErrno, realDisk } from "../../model/store/disk.js";
import type { Manifest } from "../../model/store/manifest.js";
import { type ModelPart, stageBlobs } from "../../model/store/stage-blobs.js";
import type { MeasureReply } from "../../proto/gen/stagecoach/v1/MeasureReply.js";
import type { MeasureRequest__Output } from "../../proto/gen/stagecoach/v1/MeasureRequest.js";
import type { RunnerSpec } from "../engine/create-runner.js";
import { deviceKv } from "../engine/device-kv.js";
import { type MeasuredTime, type ModelTimes, measuredLayers } from "../engine/measure-model.js";
import { runMeasure } from "../engine/run-measure.js";
import { benchLimits } from "../engine/runner-bench.js";
import { instantSimulation, type SimulationOptions } from "../engine/simulated-runner.js";
import { slowedLine, throttledTimes } from "../engine/throttled-times.js";
import type { SequenceDemand } from "../weights/choose-gpu-weights.js";
import { type ChosenWeights, describeWeights, type GpuWeights } from "../weights/gpu-weights.js";
import { heldWeights } from "../weights/held-weights.js";
import type { BlobKeeper } from "./blob-keeper.js";
import { readManifestField } from "./load-request.js";

/** What measuring needs of the worker. */
export interface ModelMeasurerOptions {
  readonly device: Pick<RunnerSpec, "device" | "deviceIndex" | "simulation" | "throttle" | "cpus">;
  /** Where a request names no threads. */
  readonly threads: number;
  readonly home: Home;
  readonly blobs: BlobKeeper;
  readonly weights: GpuWeights;
  readonly memoryLimitBytes: () => number;
  readonly log: Logger;
}

const point = z.object({ rows: z.number().positive(), ms: z.number().nonnegative() });
const line = z.object({ alphaMs: z.number().nonnegative(), betaMs: z.number().nonnegative() });
const time = line.extend({ points: z.array(point) });
const timesSchema = z.object({
  layerDecode: time,
  layerPrefill: time,
  embedding: time,
  head: time,
  stage: line,
  attentionMsPerToken: z.number().nonnegative(),
  contextTokens: z.number().int().nonnegative(),
  disturbance: z.number().nonnegative(),
});

/** What is measured. */
interface Subject {
  readonly manifest: Manifest;
  readonly threads: number;
  readonly blobAddress: string;
  readonly weights: ChosenWeights;
}

/** Counts up when something else is measured, so that what older versions kept is not taken for it. */
const formatVersion = 5;
/** Of times that differ by more than this between two looks, another measurement may be better. */
const mostDisturbance = 0.15;

/**
 * Answers Measure. Times are kept in memory and, for the next start, below the home's state, by everything
 * that they depend on. A simulated device is not timed: its times are given.
 */
export class ModelMeasurer {
  readonly #options: ModelMeasurerOptions;
  readonly #measured = new Map<string, ModelTimes>();
  /** Measurements disturb each other, so there is one at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: ModelMeasurerOptions) {
    this.#options = options;
  }

  /**
   * @throws StagecoachError INVALID_ARGUMENT for a bad manifest, otherwise what blobs or runner cannot be had for
   */
  async measure(request: MeasureRequest__Output, signal: AbortSignal): Promise<MeasureReply> {
    const manifest = readManifestField(request.manifestJson);
    const { device, throttle = 1, simulation = instantSimulation } = this.#options.device;
    const kv = deviceKv(device, manifest);
    const { weights } = this.#options;
    const memoryBytes = this.#options.memoryLimitBytes();
    const demand = demandOf(manifest, request);
    const facts = {
      freeMemoryBytes: memoryBytes,
      blockSize: kv.blockSize,
      kvBytesPerTokenLayer: kv.bytesPerTokenLayer,
      weights: weights.onGpu ? heldWeights(manifest, weights.wanted, demand) : [],
    };
    if (device === "simulated") return { ...slowedSimulation(simulation, throttle), ...facts };
    const subject = {
      manifest,
      threads: request.threads || this.#options.threads,
      blobAddress: request.blobAddress,
      weights: this.#shareOfWeights(manifest, request, memoryBytes),
    };
    const plain = await this.#inTurn(() => this.#timesOf(subject, signal));
    const { disturbance, ...times } = throttledTimes(plain, throttle);
    return { ...withPoints(times), unsteady: disturbance > mostDisturbance, ...facts };
  }

  /** As a stage will hold them that gets its share of the layers. */
  #shareOfWeights(manifest: Manifest, request: MeasureRequest__Output, memoryBytes: number): ChosenWeights {
    const stages = Math.max(1, request.stages);
    const whole = wholeOf(manifest);
    const share = { ...whole, endLayer: Math.ceil(whole.endLayer / stages) };
    const demand = { ...demandOf(manifest, request), laneCount: stages, memoryBytes };
    return this.#options.weights.choose(share, demand);
  }

  async #inTurn<Value>(run: () => Promise<Value>): Promise<Value> {
    const mine = this.#turn.then(run);
    this.#turn = mine.catch(() => undefined);
    return await mine;
  }

  async #timesOf(subject: Subject, signal: AbortSignal): Promise<ModelTimes> {
    const key = this.#key(subject);
    const known = this.#measured.get(key) ?? (await this.#readKept(key));
    const times = known ?? (await this.#steadyTimes(subject, signal));
    this.#measured.set(key, times);
    // What was measured on a busy machine serves this once.
    if (known === undefined && times.disturbance <= mostDisturbance) await this.#keep(key, times);
    return times;
  }

  /** Measured once more when the machine was busy; of two unsteady ones the steadier. */
  async #steadyTimes(subject: Subject, signal: AbortSignal): Promise<ModelTimes> {
    const first = await this.#time(subject, signal);
    if (first.disturbance <= mostDisturbance) return first;
    this.#options.log.warn(
      { disturbance: first.disturbance },
      "the machine was busy while it was measured; once more",
    );
    const second = await this.#time(subject, signal);
    return second.disturbance <= first.disturbance ? second : first;
  }

  async #time(
    { manifest, threads, blobAddress, weights }: Subject,
    signal: AbortSignal,
  ): Promise<ModelTimes> {
    const { home, blobs, log } = this.#options;
    const { device, deviceIndex } = this.#options.device;
    const part = { ...wholeOf(manifest), endLayer: measuredLayers(manifest) };
    await blobs.ensure(stageBlobs(part), { blobAddress, signal });
    const held = await this.#options.weights.prepare(part, weights, { signal });
    const startedMs = performance.now();
    const options = {
      ...part,
      manifest: held,
      ...benchLimits(deviceKv(device, manifest).blockSize),
      blobsFolder: home.blobs,
      threads,
      memoryLimitBytes: this.#options.memoryLimitBytes(),
      fewRowsKernel: weights.fewRowsKernel,
    };
    const times = await runMeasure(
      { device, ...(deviceIndex !== undefined && { deviceIndex }), options },
      signal,
    );
    const ms = Math.round(performance.now() - startedMs);
    log.info({ model: manifest.model, ...describeWeights(weights), times, ms }, "measured a model");
    return times;
  }

  #key({ manifest, threads, weights }: Subject): string {
    const { device, deviceIndex, cpus: pinned } = this.#options.device;
    const model = { config: manifest.config, blobs: manifest.blobs.map(({ sha256 }) => sha256) };
    const machine = { host: hostname(), cpu: cpus()[0]?.model, cores: cpus().length };
    const facts = JSON.stringify({
      formatVersion,
      version,
      model,
      machine,
      threads,
      device,
      deviceIndex,
      pinned,
      ...(weights.name !== "" && { weights: [weights.name, weights.fewRowsKernel] }),
    });
    return createHash("sha256").update(facts).digest("hex");
  }

  #path(key: string): string {
    return join(this.#options.home.state, "measured", `${key}.json`);
  }

  async #readKept(key: string): Promise<ModelTimes | undefined> {
    try {
      return timesSchema.parse(JSON.parse(await readFile(this.#path(key), "utf8")));
    } catch (error) {
      if (!isErrno(error, "ENOENT")) {
        this.#options.log.warn(
          { err: error, path: this.#path(key) },
          "kept times cannot be read; measuring anew",
        );
      }
      return undefined;
    }
  }

  /** Not being able to keep them costs a measurement at the next start, nothing else. */
  async #keep(key: string, times: ModelTimes): Promise<void> {
    try {
      await writeFileAtomic(this.#path(key), `${JSON.stringify(times)}\n`, realDisk);
    } catch (error) {
      this.#options.log.warn(
        { err: StagecoachError.from(error), path: this.#path(key) },
        "times cannot be kept",
      );
    }
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
    maxSequences: maxSequences || benchLimits(0).maxSequences,
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
