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
  readonly #kvBytesPerLayer: number;
  /** Weights of the layers before each layer. */
  readonly #layersBefore: Float64Array;
  readonly #smallestLayerBytes: number;

  constructor({ model, workers, kvTokens }: PlanRequest) {
    this.#model = model;
    this.#freeBytes = workers.map((worker) => worker.freeMemoryBytes);
    this.#kvBytesPerLayer = kvTokens * model.kvBytesPerTokenLayer;
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

  kvBytes(layers: number): number {
    return layers * this.#kvBytesPerLayer;
  }

  /** Weights, KV and workspace together. */
  stageBytes(firstLayer: number, endLayer: number, first: boolean, last: boolean): number {
    return (
      this.weightBytes(firstLayer, endLayer, first, last) +
      this.kvBytes(endLayer - firstLayer) +
      this.workspaceBytes
    );
  }

  fits(worker: number, firstLayer: number, endLayer: number, first: boolean, last: boolean): boolean {
    return this.stageBytes(firstLayer, endLayer, first, last) <= (this.#freeBytes[worker] as number);
  }

  /** What a stage with a single layer, the smallest, takes. */
  get leastStageBytes(): number {
    return this.#smallestLayerBytes + this.#kvBytesPerLayer + this.workspaceBytes;
  }

  holdsAnyLayer(worker: number): boolean {
    return this.leastStageBytes <= (this.#freeBytes[worker] as number);
  }
}
