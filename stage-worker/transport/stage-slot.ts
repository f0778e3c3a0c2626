import { StagecoachError } from "../../common/errors.js";
import type { Logger } from "../../common/log.js";
import { stageBlobs } from "../../model/store/stage-blobs.js";
import type { LoadProgress } from "../../proto/gen/stagecoach/v1/LoadProgress.js";
import type { RunnerSpec } from "../engine/create-runner.js";
import type { EngineStats } from "../engine/shared-stats.js";
import { describeWeights, type GpuWeights } from "../weights/gpu-weights.js";
import type { BlobKeeper } from "./blob-keeper.js";
import type { LoadPlan } from "./load-request.js";
import { LoadedStage, type StagePlace } from "./loaded-stage.js";
import type { ProcessStages } from "./process-stages.js";

/** What a worker holds. */
export type SlotState =
  | { kind: "idle" }
  | { kind: "loading"; place: StagePlace }
  | { kind: "ready"; place: StagePlace; stage: LoadedStage }
  /** `stats` are those of a stage that was ready before. */
  | { kind: "failed"; place: StagePlace; reason: StagecoachError; stats?: EngineStats };

/** What stages are made with on this worker. */
export interface StageSlotOptions {
  readonly device: Pick<RunnerSpec, "device" | "deviceIndex" | "simulation" | "throttle" | "cpus">;
  readonly blobs: BlobKeeper;
  readonly blobsFolder: string;
  readonly weights: GpuWeights;
  /** Asked when a stage is about to be opened, after the one before has been freed. */
  readonly memoryLimitBytes: () => Promise<number>;
  /** Where links may end here; undefined where everything goes by gRPC. */
  readonly linkHost: () => string | undefined;
  /** The workers of this process, between which frames go by transfer; undefined where they do not. */
  readonly neighbours?: ProcessStages;
  readonly kvMemoryBytes?: number;
  readonly onChange: (state: SlotState) => void;
  readonly log: Logger;
}

/**
 * The one place of a worker for a stage. A newer epoch replaces what is loaded or loading; an older or the
 * same one is refused.
 */
export class StageSlot {
  readonly #options: StageSlotOptions;
  #state: SlotState = { kind: "idle" };
  #epoch = 0;
  /** Aborts the load that runs. */
  #replaceLoad: (reason: StagecoachError) => void = () => undefined;
  /** Resolves when everything before has been freed. */
  #freed: Promise<void> = Promise.resolve();

  constructor(options: StageSlotOptions) {
    this.#options = options;
  }

  get state(): SlotState {
    return this.#state;
  }

  /** The epoch that was asked for last; 0 before the first. */
  get epoch(): number {
    return this.#epoch;
  }

  get stage(): LoadedStage | undefined {
    return this.#state.kind === "ready" ? this.#state.stage : undefined;
  }

  /**
   * Loads a stage; resolves when it is ready.
   * @throws StagecoachError FAILED_PRECONDITION for an epoch that is not newer, ABORTED when a newer one takes
   * over meanwhile, whatever blobs or runner cannot be had for, or the signal's reason
   */
  async load(
    plan: LoadPlan,
    onProgress: (progress: LoadProgress) => void,
    signal: AbortSignal,
  ): Promise<LoadedStage> {
    const { epoch } = plan.place;
    if (epoch <= this.#epoch) {
      const message = `epoch ${epoch} is not newer than epoch ${this.#epoch}, which was loaded here: take a higher one`;
      throw new StagecoachError("FAILED_PRECONDITION", message);
    }
    const freed = this.#clear(new StagecoachError("ABORTED", `replaced by epoch ${epoch}`));
    this.#epoch = epoch;
    const replaced = new AbortController();
    this.#replaceLoad = (reason) => replaced.abort(reason);
    this.#setState({ kind: "loading", place: plan.place });
    const loading = freed.then(() =>
      this.#open(plan, onProgress, AbortSignal.any([signal, replaced.signal])),
    );
    this.#freed = loading.then(
      () => undefined,
      () => undefined,
    );
    try {
      const stage = await loading;
      this.#setState({ kind: "ready", place: plan.place, stage });
      return stage;
    } catch (reason) {
      const error = StagecoachError.from(reason);
      if (this.#epoch === epoch) this.#setState({ kind: "failed", place: plan.place, reason: error });
      throw error;
    }
  }

  /** Frees what is loaded, and any epoch may be loaded next. */
  async unload(reason: StagecoachError): Promise<void> {
    const freed = this.#clear(reason);
    this.#epoch = 0;
    this.#setState({ kind: "idle" });
    await freed;
  }

  /** Ends what is loaded or loading; resolves when all of it is freed. */
  #clear(reason: StagecoachError): Promise<void> {
    this.#replaceLoad(reason);
    const stage = this.stage;
    const before = this.#freed;
    this.#freed = before.then(() => stage?.close(reason));
    return this.#freed;
  }

  async #open(
    plan: LoadPlan,
    onProgress: (progress: LoadProgress) => void,
    signal: AbortSignal,
  ): Promise<LoadedStage> {
    const { device, blobs, blobsFolder, kvMemoryBytes, log } = this.#options;
    const started = performance.now();
    if (device.device !== "simulated") {
      await blobs.ensure(stageBlobs(plan.runner), {
        blobAddress: plan.blobAddress,
        signal,
        onProgress: (doneBytes, totalBytes) => onProgress({ phase: "FETCHING", doneBytes, totalBytes }),
      });
    }
    const memoryLimitBytes = await this.#options.memoryLimitBytes();
    const weights = this.#options.weights.choose(plan.runner, {
      ...plan.runner,
      memoryBytes: memoryLimitBytes,
    });
    const manifest = await this.#options.weights.prepare(plan.runner, weights, {
      signal,
      onProgress: (doneBytes, totalBytes) => onProgress({ phase: "EXPANDING", doneBytes, totalBytes }),
    });
    onProgress({ phase: "OPENING" });
    const options = {
      ...plan.runner,
      manifest,
      blobsFolder,
      memoryLimitBytes,
      fewRowsKernel: weights.fewRowsKernel,
      ...(kvMemoryBytes !== undefined && { kvMemoryBytes }),
    };
    const linkHost = this.#options.linkHost();
    const stage = await LoadedStage.open(
      {
        place: plan.place,
        weights: weights.name,
        spec: { ...device, options },
        ...(linkHost !== undefined && { linkHost }),
        nextHere: () => this.#options.neighbours?.after(plan.place),
        lastHere: (address) => this.#options.neighbours?.last(plan.place, address),
        onFailed: (reason) => this.#failed(plan.place, reason),
        log,
      },
      signal,
    );
    if (signal.aborted) {
      await stage.close(StagecoachError.from(signal.reason));
      throw signal.reason;
    }
    const ms = Math.round(performance.now() - started);
    const { blockCount, weightBytes, memoryUse } = stage;
    log.info(
      {
        ...plan.place,
        blockCount,
        weightBytes,
        ...describeWeights(weights),
        ...(memoryUse !== undefined && { memoryUse }),
        ms,
      },
      "stage is ready",
    );
    return stage;
  }

  #failed(place: StagePlace, reason: StagecoachError): void {
    const stage = this.stage;
    if (stage?.place !== place) return;
    this.#freed = this.#freed.then(() => stage.close(reason));
    this.#setState({ kind: "failed", place, reason, stats: stage.stats });
  }

  #setState(state: SlotState): void {
    this.#state = state;
    this.#options.onChange(state);
  }
}
