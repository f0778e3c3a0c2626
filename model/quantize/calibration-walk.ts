import { availableParallelism } from "node:os";
import { InferenceSession, Tensor } from "onnxruntime-node";
import type { ModelConfig } from "../config.js";
import { StepComparison, summarize } from "../quality/logit-comparison.js";
import { rotaryTables } from "../rope.js";
import type { ModelQuality } from "../store/manifest.js";
import type { CalibrationTokens } from "./calibration-tokens.js";
import type { FoldedLayer, ProductShape } from "./fold-layer.js";
import { headGraph, type LayerProduct, layerGraph, layerProducts } from "./layer-graph.js";
import { calculationOptions } from "./matrix-product.js";
import { dequantizeRounded, type RoundedWeights } from "./round-weights.js";

/** Gram matrices of the inputs of a layer's products. */
export type LayerGrams = Readonly<Record<LayerProduct, Float32Array>>;

/** A product as it was rounded. */
export interface RoundedProduct {
  readonly shape: ProductShape;
  readonly weights: RoundedWeights;
}

/**
 * Walks the calibration sequences through a folded model, layer by layer, holding hidden states only. Two walks go
 * on side by side: the exact one, whose inputs of products are gathered, and one of the held-out sequences through
 * rounded weights and activations, to see what the rounding costs.
 */
export class CalibrationWalk {
  readonly #config: ModelConfig;
  readonly #tokens: CalibrationTokens;
  readonly #sessions: Sessions;
  readonly #steps: StepComparison[];
  #exact: Float32Array;
  #rounded: Float32Array;

  private constructor(
    config: ModelConfig,
    tokens: CalibrationTokens,
    sessions: Sessions,
    hidden: Float32Array,
  ) {
    this.#config = config;
    this.#tokens = tokens;
    this.#sessions = sessions;
    this.#exact = hidden;
    this.#rounded = this.#heldOut(hidden).slice();
    this.#steps = Array.from({ length: tokens.heldOut.length * tokens.length }, () => new StepComparison());
  }

  /** `hidden`: rotated embeddings of all sequences, those seen first, `[tokens, hiddenSize]`. */
  static async start(
    config: ModelConfig,
    tokens: CalibrationTokens,
    hidden: Float32Array,
  ): Promise<CalibrationWalk> {
    return new CalibrationWalk(config, tokens, await openSessions(config), hidden);
  }

  /** One layer further; the Gram matrices are of the seen sequences. */
  async layer(folded: FoldedLayer): Promise<LayerGrams> {
    const { seen, heldOut } = this.#tokens;
    const sequences = seen.length + heldOut.length;
    const weights = new Float32Array(sequences * this.#tokens.length);
    weights.fill(1, 0, seen.length * this.#tokens.length);
    const outputs = await this.#sessions.layer.run({
      ...this.#feeds(this.#exact, sequences),
      ...weightFeeds(layerProducts.map((name) => ({ shape: folded[name], weight: folded[name].weight }))),
      weights: new Tensor("float32", weights, [weights.length, 1]),
    });
    this.#exact = outputs["next"]?.data as Float32Array;
    const gram = (name: LayerProduct) => outputs[`gram.${name}`]?.data as Float32Array;
    return { qkv: gram("qkv"), o: gram("o"), gate_up: gram("gate_up"), down: gram("down") };
  }

  /** The other walk's step through the same layer. */
  async roundedLayer(products: readonly RoundedProduct[]): Promise<void> {
    const outputs = await this.#sessions.roundedLayer.run({
      ...this.#feeds(this.#rounded, this.#tokens.heldOut.length),
      ...weightFeeds(products.map(({ shape, weights }) => ({ shape, weight: dequantizeRounded(weights) }))),
    });
    this.#rounded = outputs["next"]?.data as Float32Array;
  }

  /** Gram matrix of the head's inputs, after the last layer. */
  async head(): Promise<Float32Array> {
    const rows = this.#tokens.seen.length * this.#tokens.length;
    const hidden = this.#exact.subarray(0, rows * this.#config.hiddenSize);
    const weights = new Tensor("float32", new Float32Array(rows).fill(1), [rows, 1]);
    const outputs = await this.#sessions.headGram.run({ hidden: this.#rows(hidden), weights });
    return outputs["gram.head"]?.data as Float32Array;
  }

  /** Compares the logits of tokens `firstId…`, whose columns of the head these are, `[hiddenSize, columns]`. */
  async compareHead(firstId: number, exact: Float32Array, rounded: RoundedWeights): Promise<void> {
    const { hiddenSize } = this.#config;
    const columns = exact.length / hiddenSize;
    const logits = async (session: InferenceSession, hidden: Float32Array, head: Float32Array) => {
      const feeds = { hidden: this.#rows(hidden), head: new Tensor("float32", head, [hiddenSize, columns]) };
      return (await session.run(feeds))["logits"]?.data as Float32Array;
    };
    const wanted = await logits(this.#sessions.head, this.#heldOut(this.#exact), exact);
    const got = await logits(this.#sessions.roundedHead, this.#rounded, dequantizeRounded(rounded));
    for (const [row, step] of this.#steps.entries()) {
      const [from, to] = [row * columns, (row + 1) * columns];
      step.add(firstId, wanted.subarray(from, to), got.subarray(from, to));
    }
  }

  /** What `compareHead` has seen; undefined where nothing was held out. */
  quality(): ModelQuality | undefined {
    return summarize(this.#steps);
  }

  async close(): Promise<void> {
    await Promise.all(Object.values(this.#sessions).map((session: InferenceSession) => session.release()));
  }

  #heldOut(hidden: Float32Array): Float32Array {
    return hidden.subarray(this.#tokens.seen.length * this.#tokens.length * this.#config.hiddenSize);
  }

  #rows(hidden: Float32Array): Tensor {
    const { hiddenSize } = this.#config;
    return new Tensor("float32", hidden, [hidden.length / hiddenSize, hiddenSize]);
  }

  #feeds(hidden: Float32Array, sequences: number): Record<string, Tensor> {
    const { length } = this.#tokens;
    const { ropeDimension } = this.#config;
    const { cos, sin } = rotaryTables(this.#config, length);
    const positions = BigInt64Array.from({ length: sequences * length }, (_, i) => BigInt(i % length));
    return {
      hidden: this.#rows(hidden),
      sequences: new Tensor("int64", BigInt64Array.of(BigInt(sequences), BigInt(length), -1n), [3]),
      positions: new Tensor("int64", positions, [sequences, length]),
      cos: new Tensor("float32", cos, [length, ropeDimension / 2]),
      sin: new Tensor("float32", sin, [length, ropeDimension / 2]),
      last: new Tensor("int32", new Int32Array(sequences).fill(length - 1), [sequences]),
      total: new Tensor("int32", Int32Array.of(length), []),
    };
  }
}

type Sessions = Awaited<ReturnType<typeof openSessions>>;

async function openSessions(config: ModelConfig) {
  const options = calculationOptions(availableParallelism());
  const open = (model: Uint8Array) => InferenceSession.create(model, options);
  return {
    layer: await open(layerGraph(config, { rounded: false, grams: true })),
    roundedLayer: await open(layerGraph(config, { rounded: true, grams: false })),
    headGram: await open(headGraph(config, { rounded: false, grams: true })),
    head: await open(headGraph(config, { rounded: false, grams: false })),
    roundedHead: await open(headGraph(config, { rounded: true, grams: false })),
  };
}

function weightFeeds(
  products: readonly { readonly shape: ProductShape; readonly weight: Float32Array }[],
): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = {};
  for (const { shape, weight } of products) {
    const { name, inputSize, outputSize, bias } = shape;
    feeds[name] = new Tensor("float32", weight, [inputSize, outputSize]);
    if (bias) feeds[`${name}.bias`] = new Tensor("float32", bias, [outputSize]);
  }
  return feeds;
}
