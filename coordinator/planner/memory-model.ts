import type { HeldWeights, PlanRequest } from "./types.js";

/** Prompt tokens whose intermediate results a stage must hold at once. */
const workspaceTokens = 512;
/** Widths of the residual stream that a layer's intermediate results take together, in f32. */
const workspaceWidths = 16;

/** Weights of a stage on its device. */
export interface StageWeights {
  readonly bytes: number;
  /** Their form, where the device chooses. */
  readonly name?: string;
}

/** What a stage keeps in memory, bytes. */
export class MemoryModel {
  readonly workspaceBytes: number;
  readonly #freeBytes: readonly number[];
  /** Of each worker and token: devices keep KV in forms of their own. */
  readonly #kvBytesPerTokenLayer: readonly number[];
  readonly #kvTokens: number;
  /** Of each worker, the best first. */
  readonly #forms: readonly (readonly WeightForm[])[];

  constructor({ model, workers, kvTokens }: PlanRequest) {
    this.#freeBytes = workers.map((worker) => worker.freeMemoryBytes);
    this.#kvTokens = kvTokens;
    this.#kvBytesPerTokenLayer = workers.map(
      ({ kvBytesPerTokenLayer = model.kvBytesPerTokenLayer }) => kvBytesPerTokenLayer,
    );
    this.workspaceBytes = workspaceTokens * workspaceWidths * model.hiddenSize * 4;
    const asStored = new WeightForm(model, model.tiedEmbedding);
    this.#forms = workers.map(
      ({ weights }) => weights?.map((form) => new WeightForm(form, model.tiedEmbedding)) ?? [asStored],
    );
  }

  /** In the first form that leaves room for the KV which it wants, otherwise in the last. */
  weights(worker: number, firstLayer: number, endLayer: number, first: boolean, last: boolean): StageWeights {
    const forms = this.#forms[worker] as readonly WeightForm[];
    for (let choice = 0; choice < forms.length - 1; choice++) {
      const form = forms[choice] as WeightForm;
      const bytes = form.bytes(firstLayer, endLayer, first, last);
      const tokens = Math.max(form.kvTokens, this.#kvTokens);
      const neededBytes = bytes + this.#kvOf(worker, endLayer - firstLayer, tokens) + this.workspaceBytes;
      if (neededBytes <= (this.#freeBytes[worker] as number)) return { bytes, ...form.named };
    }
    const form = forms.at(-1) as WeightForm;
    return { bytes: form.bytes(firstLayer, endLayer, first, last), ...form.named };
  }

  kvBytes(worker: number, layers: number): number {
    return this.#kvOf(worker, layers, this.#kvTokens);
  }

  /** Whether weights, KV and workspace together do. */
  fits(worker: number, firstLayer: number, endLayer: number, first: boolean, last: boolean): boolean {
    const neededBytes =
      this.weights(worker, firstLayer, endLayer, first, last).bytes +
      this.kvBytes(worker, endLayer - firstLayer) +
      this.workspaceBytes;
    return neededBytes <= (this.#freeBytes[worker] as number);
  }

  /** What a stage with a single layer, the smallest, takes. */
  leastStageBytes(worker: number): number {
    const forms = this.#forms[worker] as readonly WeightForm[];
    const least = Math.min(...forms.map(({ smallestLayerBytes }) => smallestLayerBytes));
    return least + this.kvBytes(worker, 1) + this.workspaceBytes;
  }

  holdsAnyLayer(worker: number): boolean {
    return this.leastStageBytes(worker) <= (this.#freeBytes[worker] as number);
  }

  #kvOf(worker: number, layers: number, tokens: number): number {
    return layers * tokens * (this.#kvBytesPerTokenLayer[worker] as number);
  }
}

/** Sizes of a model's weights in one form. */
class WeightForm {
  readonly named: { readonly name?: string };
  readonly kvTokens: number;
  readonly smallestLayerBytes: number;
  readonly #embeddingBytes: number;
  readonly #headBytes: number;
  readonly #tiedEmbedding: boolean;
  /** Weights of the layers before each layer. */
  readonly #layersBefore: Float64Array;

  constructor(sizes: Omit<HeldWeights, "name" | "kvTokens"> & Partial<HeldWeights>, tiedEmbedding: boolean) {
    const { name, kvTokens = 0, embeddingBytes, layerBytes, headBytes } = sizes;
    this.named = name === undefined ? {} : { name };
    this.kvTokens = kvTokens;
    this.#embeddingBytes = embeddingBytes;
    this.#headBytes = headBytes;
    this.#tiedEmbedding = tiedEmbedding;
    this.#layersBefore = new Float64Array(layerBytes.length + 1);
    layerBytes.forEach((bytes, layer) => {
      this.#layersBefore[layer + 1] = (this.#layersBefore[layer] as number) + bytes;
    });
    this.smallestLayerBytes = layerBytes.reduce((least, bytes) => Math.min(least, bytes), Infinity);
  }

  /** The embedding lies on the first stage, and on the last too where the head shares it. */
  bytes(firstLayer: number, endLayer: number, first: boolean, last: boolean): number {
    const embedding = first || (last && this.#tiedEmbedding) ? this.#embeddingBytes : 0;
    const layers = (this.#layersBefore[endLayer] as number) - (this.#layersBefore[firstLayer] as number);
    return layers + embedding + (last ? this.#headBytes : 0);
  }
}
