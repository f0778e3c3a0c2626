import { z } from "zod";

/** Variants of weights. `auto` is resolved before anything is packed. */
export const variants = ["as-is", "f32", "f16", "int8", "int4"] as const;
export type Variant = (typeof variants)[number];

const count = z
  .number()
  .int()
  .nonnegative()
  .max(2 ** 40);
const positive = z
  .number()
  .int()
  .positive()
  .max(2 ** 40);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** Element types inside a blob. */
const packedTensor = z.object({
  /** Unique in the blob, e.g. `qkv.quants`. */
  name: z.string(),
  dtype: z.enum(["f32", "f16", "u8", "i8"]),
  shape: z.array(positive),
  /** Multiple of 4096, so that ONNX Runtime can map it. */
  offsetBytes: count,
  sizeBytes: count,
});

/**
 * How one matrix product `y[rows, N] = x[rows, K] · W` is stored, by names of tensors in the same blob.
 * - dense: `weight` f32 or f16, `[K, N]`; a product that is also an embedding table stores `[N, K]` and says so;
 * - blocked: MatMulNBits: `quants` u8 `[N, ceil(K / blockSize), blockSize * bits / 8]`, `scales` f32
 *   `[N * ceil(K / blockSize)]`, zero point 8 or 128; where the encoding has block minima, `offsets` f32
 *   `[ceil(K / blockSize), N]` with `y += blockSums(x) · offsets`;
 * - w8a8: `weight` i8 `[K, N]`, `scales` f32 `[N]`; the activations are rounded to 8 bits a row when they come,
 *   after a normalized Hadamard transform of each run of `hadamard` inputs where that is given.
 */
const packedProduct = z.discriminatedUnion("encoding", [
  z.object({
    encoding: z.literal("dense"),
    name: z.string(),
    inputSize: positive,
    outputSize: positive,
    weight: z.string(),
    /** True when `weight` is stored `[N, K]`. */
    transposed: z.boolean(),
    bias: z.string().optional(),
  }),
  z.object({
    encoding: z.literal("blocked"),
    name: z.string(),
    inputSize: positive,
    outputSize: positive,
    bits: z.union([z.literal(4), z.literal(8)]),
    blockSize: z.union([z.literal(16), z.literal(32)]),
    quants: z.string(),
    scales: z.string(),
    offsets: z.string().optional(),
    bias: z.string().optional(),
  }),
  z.object({
    encoding: z.literal("w8a8"),
    name: z.string(),
    inputSize: positive,
    outputSize: positive,
    weight: z.string(),
    scales: z.string(),
    /** A power of two that divides `inputSize`. */
    hadamard: positive.optional(),
    bias: z.string().optional(),
  }),
]);

/**
 * One content-addressed file. Roles: `embed` holds the product `embed` (also the head's when tied), `layer`
 * the products `qkv` (or `q`, `k`, `v` where their encodings differ), `o`, `gate_up` (or `gate`, `up`),
 * `down` and the tensors `attn_norm`, `ffn_norm`; `head` the tensor `norm` and, when the embedding cannot serve
 * as the head, the product `head`: when it is not tied, and in the variant `int8`, whose embedding is f16.
 */
const blob = z.object({
  role: z.enum(["embed", "layer", "head"]),
  layer: count.optional(),
  sha256,
  sizeBytes: positive,
  tensors: z.array(packedTensor),
  products: z.array(packedProduct),
});

const ropeScaling = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("none") }),
  z.object({ kind: z.literal("linear"), factor: z.number() }),
  z.object({
    kind: z.literal("llama3"),
    factor: z.number(),
    lowFrequencyFactor: z.number(),
    highFrequencyFactor: z.number(),
    originalContextLength: z.number(),
  }),
  z.object({
    kind: z.literal("yarn"),
    factor: z.number(),
    originalContextLength: z.number(),
    betaFast: z.number(),
    betaSlow: z.number(),
    attentionFactor: z.number(),
  }),
  z.object({ kind: z.literal("factors"), factors: z.array(z.number()) }),
]);

const config = z.object({
  architecture: z.enum(["llama", "mistral", "qwen2"]),
  layerCount: positive,
  hiddenSize: positive,
  headCount: positive,
  kvHeadCount: positive,
  headSize: positive,
  feedForwardSize: positive,
  vocabularySize: positive,
  contextLength: positive,
  normEpsilon: z.number(),
  ropeBase: z.number(),
  ropeDimension: positive,
  ropeInterleaved: z.boolean(),
  ropeScaling,
  attentionBias: z.boolean(),
  tiedEmbedding: z.boolean(),
});

/** How close a rounded variant came to the exact model on texts that its rounding had not seen. */
export const qualitySchema = z.object({
  steps: count,
  /** Share of steps with the same most likely token, 0 to 1. */
  sameToken: z.number(),
  /** Mean Kullback-Leibler divergence, nats. */
  klMean: z.number(),
  /** Change of the exact model's margin between its two best tokens' logits. */
  marginChange: z.object({ median: z.number(), p99: z.number(), max: z.number() }),
});

/** What the store keeps of a packed model; `models/<name>/<variant>.json`. */
export const manifestSchema = z.object({
  formatVersion: z.literal(1),
  /** The name users type, e.g. `smollm2-135m-instruct`. */
  model: z.string(),
  variant: z.enum(variants),
  origin: z.object({ kind: z.enum(["gguf", "safetensors"]), name: z.string() }),
  config,
  /** In order: embed, layer 0 .. n-1, head. */
  blobs: z.array(blob),
  /** sha256 of the blob with the TokenizerSpec as JSON. */
  tokenizer: z.object({ sha256, sizeBytes: positive }),
  chatTemplate: z.string().optional(),
  generationDefaults: z.object({
    temperature: z.number().optional(),
    topK: z.number().optional(),
    topP: z.number().optional(),
    minP: z.number().optional(),
    repetitionPenalty: z.number().optional(),
  }),
  /** Of `int8`, as measured when it was packed, with a cache of keys and values in f32. */
  quality: qualitySchema.optional(),
  packedAt: z.string(),
});

export type ModelQuality = z.infer<typeof qualitySchema>;
export type Manifest = z.infer<typeof manifestSchema>;
export type Blob = Manifest["blobs"][number];
export type PackedTensor = Blob["tensors"][number];
export type PackedProduct = Blob["products"][number];
