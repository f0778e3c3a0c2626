import { float32ToFloat16 } from "../../common/half-float.js";
import type { ModelConfig } from "../../model/config.js";
import type { ModelSource, TensorInfo } from "../../model/source/model-source.js";
import { seededRandom } from "../random.js";

type Shape = Pick<
  ModelConfig,
  | "layerCount"
  | "hiddenSize"
  | "headCount"
  | "kvHeadCount"
  | "headSize"
  | "feedForwardSize"
  | "vocabularySize"
  | "tiedEmbedding"
>;

/** Shapes of known models, and one for trying out: speed depends on these, not on what the weights say. */
export const modelShapes = {
  /** Nobody's; seconds on software. */
  tiny: shape({ layerCount: 4, hiddenSize: 128, headCount: 4, kvHeadCount: 2, feedForwardSize: 256 }, 2048),
  /** SmolLM2 135M. */
  "135m": shape(
    { layerCount: 30, hiddenSize: 576, headCount: 9, kvHeadCount: 3, feedForwardSize: 1536 },
    49_152,
  ),
  /** Llama 3.2 1B. */
  "1b": shape(
    { layerCount: 16, hiddenSize: 2048, headCount: 32, kvHeadCount: 8, feedForwardSize: 8192 },
    128_256,
  ),
  /** Llama 3.1 8B. */
  "8b": shape(
    { layerCount: 32, hiddenSize: 4096, headCount: 32, kvHeadCount: 8, feedForwardSize: 14_336 },
    128_256,
    128,
  ),
  /** Eight of the eighty layers of Llama 3.1 70B. */
  "70b-8": shape(
    { layerCount: 8, hiddenSize: 8192, headCount: 64, kvHeadCount: 8, feedForwardSize: 28_672 },
    128_256,
    128,
  ),
} as const satisfies Record<string, Shape>;
export type ShapeName = keyof typeof modelShapes;

/** Different values that weights take. */
const distinct = 4096;
const spread = 0.04;

/** The configuration of a shape's random model. */
export function randomConfig(name: ShapeName): ModelConfig {
  return {
    architecture: "llama",
    contextLength: 8192,
    normEpsilon: 1e-5,
    ropeBase: 500_000,
    ropeDimension: modelShapes[name].headSize,
    ropeInterleaved: false,
    ropeScaling: { kind: "none" },
    attentionBias: false,
    ...modelShapes[name],
  };
}

/** A model of random weights, for measuring on machines that no real model reaches; its text is noise. */
export function randomModel(name: ShapeName, seed = 1): ModelSource {
  const config = randomConfig(name);
  const tensors = new Map(shapesOf(config).map(([tensor, shape]) => [tensor, infoOf(tensor, shape)]));
  const random = seededRandom(seed);
  const table = float32ToFloat16(Float32Array.from({ length: distinct }, () => (random() - 0.5) * spread));
  return {
    origin: { kind: "safetensors", name: `random-${name}` },
    config,
    tokenizer: words(config.vocabularySize),
    generationDefaults: {},
    quantized: false,
    tensor: (tensor) => tensors.get(tensor),
    read: async (tensor) => {
      const info = tensors.get(tensor);
      if (info === undefined) throw new Error(`no tensor ${tensor}`);
      return tensor.includes("norm") ? ones(info) : noise(info, table, seed);
    },
    close: async () => undefined,
  };
}

function shape(
  sizes: Omit<Shape, "headSize" | "vocabularySize" | "tiedEmbedding">,
  vocabularySize: number,
  headSize = 64,
): Shape {
  return { ...sizes, headSize, vocabularySize, tiedEmbedding: sizes.hiddenSize <= 2048 };
}

function shapesOf(config: ModelConfig): [name: string, shape: number[]][] {
  const { hiddenSize, feedForwardSize, vocabularySize, headSize } = config;
  const [queries, keys] = [config.headCount * headSize, config.kvHeadCount * headSize];
  const layer = (index: number): [string, number[]][] =>
    Object.entries({
      attn_norm: [hiddenSize],
      q: [queries, hiddenSize],
      k: [keys, hiddenSize],
      v: [keys, hiddenSize],
      o: [hiddenSize, queries],
      ffn_norm: [hiddenSize],
      gate: [feedForwardSize, hiddenSize],
      up: [feedForwardSize, hiddenSize],
      down: [hiddenSize, feedForwardSize],
    }).map(([part, dims]) => [`layers.${index}.${part}.weight`, dims]);
  return [
    ["embed.weight", [vocabularySize, hiddenSize]],
    ...Array.from({ length: config.layerCount }, (_, index) => layer(index)).flat(),
    ["norm.weight", [hiddenSize]],
    ...(config.tiedEmbedding ? [] : [["head.weight", [vocabularySize, hiddenSize]] as [string, number[]]]),
  ];
}

function infoOf(name: string, shape: readonly number[]): TensorInfo {
  return { name, shape, encoding: "F16", sizeBytes: shape.reduce((product, size) => product * size, 2) };
}

function ones({ sizeBytes }: TensorInfo): Uint8Array {
  return bytesOf(new Uint16Array(sizeBytes / 2).fill(0x3c00));
}

/** The same for a name and a seed, so that variants of a model are packed from the same weights. */
function noise({ name, sizeBytes }: TensorInfo, table: Uint16Array, seed: number): Uint8Array {
  const values = new Uint16Array(sizeBytes / 2);
  let state = [...name].reduce((hash, letter) => Math.imul(hash ^ letter.charCodeAt(0), 16_777_619), seed);
  for (let index = 0; index < values.length; index++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    values[index] = table[state >>> 20] as number;
  }
  return bytesOf(values);
}

function bytesOf({ buffer, byteOffset, byteLength }: Uint16Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/**
 * Letters for the first ids, words for all others, for turning tokens into text is part of what is measured; nothing is
 * merged, so a text is read as its letters.
 */
function words(vocabularySize: number): ModelSource["tokenizer"] {
  const first = [..."abcdefghijklmnopqrstuvwxyz.,\u0120"].slice(0, vocabularySize);
  const texts = Array.from({ length: vocabularySize }, (_, id) => first[id] ?? `\u0120${wordOf(id)}`);
  return {
    tokenizerJson: {
      added_tokens: [],
      normalizer: null,
      pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, use_regex: true },
      post_processor: null,
      decoder: { type: "ByteLevel" },
      model: { type: "BPE", vocab: Object.fromEntries(texts.map((text, id) => [text, id])), merges: [] },
    },
    addBos: false,
    endTokenIds: [],
    specialTokens: {},
  };
}

/** Another for each id, of four letters and more: its digits to the base 26. */
function wordOf(id: number): string {
  return [...(id + 26 ** 3).toString(26)]
    .map((digit) => String.fromCharCode(97 + Number.parseInt(digit, 26)))
    .join("");
}
