import type { ModelShape, PlanRequest } from "./types.js";

/** Prompt tokens whose intermediate results a stage must hold at once. */
const workspaceTokens = 512;
/** Widths of the residual stream that a layer's intermediate results take together, in f32. */
const workspaceWidths = 16;

/** What a stage keeps in memory, bytes. */
export class MemoryModel {
  readonly workspaceBytes: number;
  readonly #model: ModelShape;
  readonly #freeBytes: readonly number[];
  /** Of each worker: devices keep KV in forms of their own. */
  readonly #kvBytesPerLayer: readonly number[];
  /** Weights of the layers before each layer. */
  readonly #layersBefore: Float64Array;
  readonly #smallestLayerBytes: number;

  constructor({ model, workers, kvTokens }: PlanRequest) {
    this.#model = model;
    this.#freeBytes = workers.map((worker) => worker.freeMemoryBytes);
    this.#kvBytesPerLayer = workers.map(
      ({ kvBytesPerTokenLayer = model.kvBytesPerTokenLayer }) => kvTokens * kvBytesPerTokenLayer,
    );
    this.workspaceBytes = workspaceTokens * workspaceWidths * model.hiddenSize * 4;
    this.#layersBefore = new Float64Array(model.layerCount + 1);
    model.layerBytes.forEach((bytes, layer) => {
      this.#layersBefore[layer + 1] = (this.#layersBefore[layer] as number) + bytes;
    });
    this.#smallestLayerBytes = model.layerBytes.reduce((least, bytes) => Math.min(least, bytes), Infinity);
  }

  /** The embedding lies on the first stage, and on the last too where the head shares it. */
  weightBytes(firstLayer: number, endLayer: number, first: boolean, last: boolean): number {
    const { embeddingBytes, headBytes, tiedEmbedding } = this.#model;
    const embedding = first || (last && tiedEmbedding) ? embeddingBytes : 0;
    const layers = (this.#layersBefore[endLayer] as number) - (this.#layersBefore[firstLayer] as number);
    return layers + embedding + (last ? headBytes : 0);
  }

  kvBytes(worker: number, layers: number): number {
    return layers * (this.#kvBytesPerLayer[worker] as number);
  }

  /** Whether weights, KV and workspace together do. */
  fits(worker: number, firstLayer: number, endLayer: number, first: boolean, last: boolean): boolean {
    const neededBytes =
      this.weightBytes(firstLayer, endLayer, first, last) +
      this.kvBytes(worker, endLayer - firstLayer) +
      this.workspaceBytes;
    return neededBytes <= (this.#freeBytes[worker] as number);
  }

  /** What a stage with a single layer, the smallest, takes. */
  leastStageBytes(worker: number): number {
    return this.#smallestLayerBytes + this.kvBytes(worker, 1) + this.workspaceBytes;
  }

  holdsAnyLayer(worker: number): boolean {
    return this.leastStageBytes(worker) <= (this.#freeBytes[worker] as number);
  }
}
