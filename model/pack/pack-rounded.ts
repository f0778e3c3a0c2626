import { createHash } from "node:crypto";
import { dequantize } from "../encoding/dequantize.js";
import { balanceNeurons } from "../quantize/balance-neurons.js";
import { type CalibrationTokens, calibrationTokens } from "../quantize/calibration-tokens.js";
import { CalibrationWalk } from "../quantize/calibration-walk.js";
import { type FoldedLayer, foldLayer, foldRows, type ProductShape } from "../quantize/fold-layer.js";
import { layerProducts } from "../quantize/layer-graph.js";
import { rotateResidual } from "../quantize/rotate-residual.js";
import type { RoundedWeights } from "../quantize/round-weights.js";
import { RoundingPool } from "../quantize/rounding-pool.js";
import type { TensorName } from "../source/model-source.js";
import type { JournalEntry } from "../store/pack-journal.js";
import { type BlobRecipe, blobKey, tensorsOf } from "./blob-recipes.js";
import { hashingReader } from "./hashing-reader.js";
import type { PackOrder } from "./pack-order.js";
import { readRounded } from "./read-rounded.js";
import { readRows, type StoredMatrix, stretches } from "./read-rows.js";
import { writeBlob, writeEmbedding, writeProducts } from "./rounded-blobs.js";

/** Grows with every change of what is written for the same input and calibration. */
const roundingVersion = 1;

/** Layers that wait for their rounding while the next are prepared; each is in memory as f32. */
const mostAhead = 2;

/**
 * Packs a model as products of 8-bit weights and activations: rotated, calibrated layer by layer with the texts of
 * calibration-texts.ts, and rounded in several threads. Memory holds a few layers and the calibration's hidden states.
 * The head's entry says how close the result comes to the exact model on held-out texts.
 *
 * @throws StagecoachError as `packModel` does, and FAILED_PRECONDITION when the tokenizer makes nothing of the texts.
 */
export async function packRounded(order: PackOrder): Promise<JournalEntry[]> {
  const tokens = calibrationTokens(order.source);
  const inputs = await chainedInputs(order, tokens);
  const earlier = order.recipes.map((recipe, index) => {
    const entry = order.finished.get(blobKey(recipe));
    return entry?.inputs === inputs[index] ? entry : undefined;
  });
  if (!earlier.includes(undefined)) {
    for (const [index, entry] of earlier.entries()) {
      await order.onFinished(order.recipes[index] as BlobRecipe, entry as JournalEntry, false);
    }
    return earlier as JournalEntry[];
  }
  const packing = new Packing(order, tokens, inputs, earlier);
  try {
    return await packing.run();
  } finally {
    await packing.close();
  }
}

/**
 * For each blob the hash of all that decides it: calibration goes through the whole model up to it, so every hash
 * takes in the one before.
 */
async function chainedInputs(order: PackOrder, tokens: CalibrationTokens): Promise<string[]> {
  const { config } = order.source;
  const sequences = [...tokens.seen, ...tokens.heldOut].map((ids) => [...ids]);
  const calibration = createHash("sha256").update(JSON.stringify(sequences)).digest("hex");
  const hashes: string[] = [];
  for (const recipe of order.recipes) {
    const read = hashingReader(order, { roundingVersion, config, calibration, before: hashes.at(-1) });
    for (const tensor of tensorsOf(recipe)) await read.tensor(tensor);
    hashes.push(read.digest());
  }
  return hashes;
}

/** One run over all blobs: the walk goes ahead, rounding follows in other threads, and blobs are written in order. */
class Packing {
  readonly #order: PackOrder;
  readonly #tokens: CalibrationTokens;
  readonly #inputs: readonly string[];
  readonly #earlier: readonly (JournalEntry | undefined)[];
  readonly #pool = new RoundingPool();
  readonly #entries: JournalEntry[] = [];
  readonly #queue = new OrderedQueue(mostAhead);
  #walk: CalibrationWalk | undefined;

  constructor(
    order: PackOrder,
    tokens: CalibrationTokens,
    inputs: readonly string[],
    earlier: readonly (JournalEntry | undefined)[],
  ) {
    this.#order = order;
    this.#tokens = tokens;
    this.#inputs = inputs;
    this.#earlier = earlier;
  }

  async run(): Promise<JournalEntry[]> {
    for (const [index, recipe] of this.#order.recipes.entries()) {
      if (recipe.role === "embed") await this.#embedding(index, recipe);
      else if (recipe.role === "layer") await this.#layer(index, recipe);
      else await this.#head(index, recipe);
    }
    return this.#entries;
  }

  async close(): Promise<void> {
    await this.#pool.close();
    await this.#queue.settled();
    await this.#walk?.close();
  }

  async #embedding(index: number, recipe: BlobRecipe): Promise<void> {
    const { source } = this.#order;
    const matrix = await this.#read("embed.weight");
    const ids = [...this.#tokens.seen, ...this.#tokens.heldOut].flatMap((sequence) => [...sequence]);
    const width = source.config.hiddenSize;
    const hidden = new Float32Array(ids.length * width);
    for (const [row, id] of ids.entries()) hidden.set(readRows(matrix, id, 1), row * width);
    rotateResidual(hidden, width);
    this.#walk = await CalibrationWalk.start(source.config, this.#tokens, hidden);
    await this.#finish(index, recipe, (writer) => writeEmbedding(writer, matrix));
  }

  async #layer(index: number, recipe: BlobRecipe): Promise<void> {
    const { source, store } = this.#order;
    const walk = this.#walk as CalibrationWalk;
    const tensors = new Map<string, Float32Array>();
    const prefix = `layers.${recipe.layer}.`;
    for (const name of tensorsOf(recipe)) tensors.set(name.slice(prefix.length), await this.#floats(name));
    const plain = foldLayer(source.config, (name) => tensors.get(name) as Float32Array);
    const inputs = await walk.layer(plain);
    const { folded, gram: down } = balanceNeurons(plain, inputs.down);
    const grams = { ...inputs, down };
    const earlier = this.#earlier[index];
    const rounded = layerProducts.map((name) => {
      const { weight, inputSize } = folded[name];
      if (earlier) return readRounded(store, earlier.blob, name);
      return this.#pool.round({ weight, gram: grams[name], inputSize });
    });
    const shapes = shapesOf(folded);
    await this.#queue.add(Promise.all(rounded), async (products) => {
      const written = products.map((weights, i) => ({ shape: shapes[i] as ProductShape, weights }));
      await this.#finish(index, recipe, (writer) =>
        writeProducts(writer, ["attn_norm", "ffn_norm"], source.config.hiddenSize, written),
      );
      await walk.roundedLayer(written);
    });
  }

  async #head(index: number, recipe: BlobRecipe): Promise<void> {
    const { hiddenSize, vocabularySize } = this.#order.source.config;
    const walk = this.#walk as CalibrationWalk;
    const matrix = await this.#read(recipe.products[0]?.parts[0]?.tensor ?? "head.weight");
    const gain = await this.#floats("norm.weight");
    const gram = await walk.head();
    const weights = {
      levels: new Int8Array(hiddenSize * vocabularySize),
      scales: new Float32Array(vocabularySize),
    };
    for (const [first, count] of stretches(vocabularySize, hiddenSize)) {
      const weight = foldRows(readRows(matrix, first, count), gain);
      const rounding = this.#pool.round({ weight, gram, inputSize: hiddenSize });
      await this.#queue.add(rounding, async (part) => {
        putColumns(weights, vocabularySize, first, part);
        await walk.compareHead(first, weight, part);
      });
    }
    await this.#queue.drained();
    const shape = { name: "head", inputSize: hiddenSize, outputSize: vocabularySize };
    await this.#finish(index, recipe, (writer) =>
      writeProducts(writer, ["norm"], hiddenSize, [{ shape, weights }]),
    );
  }

  async #finish(index: number, recipe: BlobRecipe, fill: Parameters<typeof writeBlob>[3]): Promise<void> {
    const { store, neededBytes, onFinished } = this.#order;
    const earlier = this.#earlier[index];
    const place = { role: recipe.role, ...(recipe.layer === undefined ? {} : { layer: recipe.layer }) };
    const entry = earlier ?? {
      inputs: this.#inputs[index] as string,
      blob: await writeBlob(store, neededBytes(index), place, fill),
      ...(recipe.role === "head" && { quality: this.#walk?.quality() }),
    };
    this.#entries.push(entry);
    await onFinished(recipe, entry, earlier === undefined);
  }

  async #read(name: TensorName): Promise<StoredMatrix> {
    return hashingReader(this.#order, {}).tensor(name);
  }

  async #floats(name: TensorName): Promise<Float32Array> {
    const { info, bytes } = await this.#read(name);
    const length = info.shape.reduce((product, size) => product * size, 1);
    return dequantize(info.encoding, bytes, length);
  }
}

/** What comes after work in other threads, done in the order of adding while the caller goes on. */
class OrderedQueue {
  readonly #most: number;
  readonly #steps: Promise<void>[] = [];
  #last: Promise<void> = Promise.resolve();

  constructor(most: number) {
    this.#most = most;
  }

  /** Resolves when few enough are left; throws what an earlier step threw. */
  async add<Result>(work: Promise<Result>, then: (result: Result) => Promise<void>): Promise<void> {
    this.#last = Promise.all([work, this.#last]).then(([result]) => then(result));
    // A failure is thrown to whoever waits next.
    this.#last.catch(() => undefined);
    this.#steps.push(this.#last);
    while (this.#steps.length > this.#most) await this.#steps.shift();
  }

  /** Resolves when all is done. */
  async drained(): Promise<void> {
    await this.#last;
  }

  /** Resolves when nothing runs any more, whatever became of it. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#steps);
  }
}

function shapesOf(folded: FoldedLayer): ProductShape[] {
  return layerProducts.map((name) => {
    const { inputSize, outputSize, bias, hadamard } = folded[name];
    return { name, inputSize, outputSize, ...(bias && { bias }), ...(hadamard && { hadamard }) };
  });
}

/** Puts the weights of some outputs into place. */
function putColumns(all: RoundedWeights, columns: number, first: number, part: RoundedWeights): void {
  const count = part.scales.length;
  all.scales.set(part.scales, first);
  for (let row = 0; row * count < part.levels.length; row++) {
    all.levels.set(part.levels.subarray(row * count, (row + 1) * count), row * columns + first);
  }
}
