import { expect, test } from "vitest";
import type { Blob, Manifest } from "../../model/store/manifest.js";
import { modelShape } from "./model-shape.js";

function blob(role: Blob["role"], sizeBytes: number, layer?: number): Blob {
  return {
    role,
    sizeBytes,
    sha256: "0".repeat(64),
    tensors: [],
    products: [],
    ...(layer !== undefined && { layer }),
  };
}

const manifest: Manifest = {
  formatVersion: 1,
  model: "tiny",
  variant: "f32",
  origin: { kind: "gguf", name: "tiny.gguf" },
  config: {
    architecture: "llama",
    layerCount: 2,
    hiddenSize: 64,
    headCount: 8,
    kvHeadCount: 4,
    headSize: 8,
    feedForwardSize: 172,
    vocabularySize: 512,
    contextLength: 128,
    normEpsilon: 1e-5,
    ropeBase: 10_000,
    ropeDimension: 8,
    ropeInterleaved: true,
    ropeScaling: { kind: "none" },
    attentionBias: false,
    tiedEmbedding: true,
  },
  blobs: [blob("embed", 1_000), blob("layer", 20, 0), blob("layer", 30, 1), blob("head", 4)],
  tokenizer: { sha256: "0".repeat(64), sizeBytes: 1 },
  generationDefaults: {},
  packedAt: "2026-01-01T00:00:00Z",
};

test("takes sizes from the blobs and KV from the heads", () => {
  expect(modelShape(manifest, "FLOAT32")).toEqual({
    layerCount: 2,
    hiddenSize: 64,
    hiddenBytes: 256,
    kvBytesPerTokenLayer: 2 * 4 * 8 * 4,
    embeddingBytes: 1_000,
    layerBytes: [20, 30],
    headBytes: 4,
    tiedEmbedding: true,
  });
});

test("hidden states take what they travel as, INT8 a scale a row too", () => {
  expect(modelShape(manifest, "FLOAT16").hiddenBytes).toBe(128);
  expect(modelShape(manifest, "INT8").hiddenBytes).toBe(64 + 4);
});

test("layers that multiply integers keep KV as levels with a scale a head", () => {
  const product = { encoding: "w8a8", name: "o", inputSize: 64, outputSize: 64 } as const;
  const products = [{ ...product, weight: "o.weight", scales: "o.scales" }];
  const blobs = manifest.blobs.map((each) => (each.role === "layer" ? { ...each, products } : each));
  expect(modelShape({ ...manifest, blobs }, "FLOAT16").kvBytesPerTokenLayer).toBe(2 * 4 * (8 + 4));
});

test("a head with weights of its own does without the embedding's", () => {
  const product = { encoding: "w8a8", name: "head", inputSize: 64, outputSize: 512 } as const;
  const head = {
    ...blob("head", 90),
    products: [{ ...product, weight: "head.weight", scales: "head.scales" }],
  };
  const blobs = [...manifest.blobs.slice(0, -1), head];
  expect(modelShape({ ...manifest, variant: "int8", blobs }, "FLOAT16")).toMatchObject({
    headBytes: 90,
    tiedEmbedding: false,
  });
});

test("names a blob that the manifest lacks", () => {
  const lacking = { ...manifest, blobs: manifest.blobs.filter((each) => each.layer !== 1) };
  expect(() => modelShape(lacking, "FLOAT32")).toThrow(
    "the manifest of tiny (f32) has no blob for layer 1: pull the model again",
  );
});
