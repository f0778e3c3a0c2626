import type { Logger } from "../../common/log.js";
import { expansionKey, readExpansion } from "../../model/store/expansions.js";
import { formatBytes } from "../../model/store/format-bytes.js";
import type { Blob, Manifest } from "../../model/store/manifest.js";
import type { ModelStore } from "../../model/store/model-store.js";
import { type ModelPart, stageBlobs } from "../../model/store/stage-blobs.js";
import type { Device } from "../engine/device.js";
import type { BlobKeeper } from "../transport/blob-keeper.js";
import {
  chooseGpuWeights,
  type SequenceDemand,
  type WantedGpuWeights,
  type WeightChoice,
  wantsFewRowsKernel,
} from "./choose-gpu-weights.js";
import { runExpand } from "./run-expand.js";

/** What weights are prepared with. */
export interface GpuWeightsOptions {
  readonly device: Device;
  readonly wanted: WantedGpuWeights;
  readonly store: ModelStore;
  readonly blobs: BlobKeeper;
  readonly log: Logger;
}

/** What a part of a model is to serve. */
export interface WeightDemand extends SequenceDemand {
  readonly laneCount: number;
  /** What weights and KV may take. */
  readonly memoryBytes: number;
}

/** How a runner gets its weights. */
export interface ChosenWeights {
  /** For people: `f16`, `packed`; empty where the device takes blobs as they are. */
  readonly name: string;
  readonly expand: boolean;
  /** Whether packed weights go through CUDA's kernel for few rows. */
  readonly fewRowsKernel: boolean;
  readonly reason: string;
}

/** How long work is watched. */
export interface PrepareWatch {
  readonly signal: AbortSignal;
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
}

const asStored: ChosenWeights = { name: "", expand: false, fewRowsKernel: false, reason: "" };

/** What a log line says of them. */
export function describeWeights({ name, reason, fewRowsKernel }: ChosenWeights): Record<string, string> {
  if (name === "") return {};
  return { weights: fewRowsKernel ? `${name}, few-rows kernel` : name, weightsBecause: reason };
}

/** Decides how a GPU holds a model's weights, and has blobs written anew where they have to be. */
export class GpuWeights {
  readonly #options: GpuWeightsOptions;

  constructor(options: GpuWeightsOptions) {
    this.#options = options;
  }

  get wanted(): WantedGpuWeights {
    return this.#options.wanted;
  }

  get onGpu(): boolean {
    const { device } = this.#options;
    return device === "cuda" || device === "webgpu";
  }

  /** @throws StagecoachError FAILED_PRECONDITION where no form of them can be had */
  choose(part: ModelPart, demand: WeightDemand): ChosenWeights {
    if (!this.onGpu) return asStored;
    const { device, wanted } = this.#options;
    const { form, reason }: WeightChoice = chooseGpuWeights(part, wanted, demand, demand.memoryBytes);
    const fewRowsKernel =
      device === "cuda" &&
      form.name === "packed" &&
      wantsFewRowsKernel(demand.maxSequences, demand.laneCount);
    return { name: form.name, expand: form.expand, fewRowsKernel, reason };
  }

  /**
   * The manifest of the same model with the part's blobs as they were chosen; all of them must be in the store.
   * @throws StagecoachError as `expandBlob` does, or the signal's reason
   */
  async prepare(part: ModelPart, { expand }: ChosenWeights, watch: PrepareWatch): Promise<Manifest> {
    if (!expand) return part.manifest;
    const sources = stageBlobs(part);
    const expanded = await this.#kept(sources);
    const absent = sources.filter((blob) => !expanded.has(blob.sha256));
    if (absent.length > 0) await this.#make(absent, expanded, watch);
    const blobs = part.manifest.blobs.map((blob) => {
      const made = expanded.get(blob.sha256);
      return made === undefined ? blob : { ...blob, ...contentOf(made) };
    });
    return { ...part.manifest, blobs };
  }

  /** Those that an earlier time made and that are unharmed, by their sources' hashes. */
  async #kept(sources: readonly Blob[]): Promise<Map<string, Blob>> {
    const { store, blobs } = this.#options;
    const kept = new Map<string, Blob>();
    for (const blob of sources) {
      const made = await readExpansion(store.home, expansionKey(blob));
      if (made !== undefined && (await blobs.isHere(made))) kept.set(blob.sha256, made);
    }
    return kept;
  }

  async #make(absent: readonly Blob[], expanded: Map<string, Blob>, watch: PrepareWatch): Promise<void> {
    const { store, log } = this.#options;
    const startedMs = performance.now();
    const made = await runExpand(store.home, absent, watch);
    for (const [index, blob] of absent.entries()) expanded.set(blob.sha256, made[index] as Blob);
    const bytes = made.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const ms = Math.round(performance.now() - startedMs);
    log.info({ blobs: made.length, bytes, ms }, `expanded weights to f16 (${formatBytes(bytes)})`);
  }
}

/** What differs between blobs of the same place. */
function contentOf({ sha256, sizeBytes, tensors, products }: Blob) {
  return { sha256, sizeBytes, tensors, products };
}
