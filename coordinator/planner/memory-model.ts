import type { HeldWeights, ModelShape, PlanRequest } from "./types.js";

/** Prompt tokens whose intermediate results a stage must hold at once. */
const workspaceTokens = 512;
/** Widths of the residual stream that a layer's intermediate results take together, in f32. */
const workspaceWidths = 16;

/** What a stage keeps in memory, bytes. */
export class MemoryModel {
  readonly workspaceBytes: number;
  readonly #freeBytes: readonly number[];
  readonly #weights: readonly HeldWeights[];
  /** Of each worker: devices keep KV in forms of their own. */
  readonly #kvBytesPerLayer: readonly number[];
  /** Weights of the layers before each layer. */
  readonly #layersBefore: Float64Array;
  readonly #smallestLayerBytes: number;

  constructor({ model, workers, kvTokens }: PlanRequest) {
    this.#freeBytes = workers.map((worker) => worker.freeMemoryBytes);
    const stored = storedWeights(model);
    this.#weights = workers.map(({ weights = stored }) => weights);
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

  weightBytes(worker: number, firstLayer: number, endLayer: number, first: boolean, last: boolean): number {
    const { layerScale, firstBytes, lastBytes, bothBytes } = this.#weights[worker] as HeldWeights;
    const layers = (this.#layersBefore[endLayer] as number) - (this.#layersBefore[firstLayer] as number);
    const ends = first && last ? bothBytes : first ? firstBytes : last ? lastBytes : 0;
    return layers * layerScale + ends;
  }

  kvBytes(worker: number, layers: number): number {
    return layers * (this.#kvBytesPerLayer[worker] as number);
  }

  /** Whether weights, KV and workspace together do. */
  fits(worker: number, firstLayer: number, endLayer: number, first: boolean, last: boolean): boolean {
    const neededBytes =
      this.weightBytes(worker, firstLayer, endLayer, first, last) +
      this.kvBytes(worker, endLayer - firstLayer) +
      this.workspaceBytes;
    return neededBytes <= (this.#freeBytes[worker] as number);
  }

  /** What a stage with a single layer, the smallest, takes. */
  leastStageBytes(worker: number): number {
    const { layerScale } = this.#weights[worker] as HeldWeights;
    return this.#smallestLayerBytes * layerScale + this.kvBytes(worker, 1) + this.workspaceBytes;
  }

  holdsAnyLayer(worker: number): boolean {
    return this.leastStageBytes(worker) <= (this.#freeBytes[worker] as number);
  }
}

/** The embedding lies on the first stage, and on the last too where the head shares it. */
function storedWeights({ embeddingBytes, headBytes, tiedEmbedding }: ModelShape): HeldWeights {
  return {
    layerScale: 1,
    firstBytes: embeddingBytes,
    lastBytes: headBytes + (tiedEmbedding ? embeddingBytes : 0),
    bothBytes: embeddingBytes + headBytes,
  };
}
