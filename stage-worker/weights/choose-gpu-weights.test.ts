import { describe, expect, it } from "vitest";
import type { Blob, Manifest, PackedProduct, PackedTensor } from "../../model/store/manifest.js";
import { paperManifest } from "../../test/fixtures/stage-fixtures.js";
import {
  chooseGpuWeights,
  gpuWeightForms,
  type WantedGpuWeights,
  wantedKvTokens,
  wantsFewRowsKernel,
} from "./choose-gpu-weights.js";
import { heldWeights } from "./held-weights.js";

const [inputSize, outputSize] = [4096, 4096];
const sizes = { name: "o", inputSize, outputSize };
const tensor = (
  name: string,
  dtype: PackedTensor["dtype"],
  elements: number,
  bytes: number,
): PackedTensor => ({
  ...{ name, dtype, shape: [elements], offsetBytes: 0, sizeBytes: elements * bytes },
});
const elements = inputSize * outputSize;

const contents = {
  /** Half a byte a weight, and of 32 a scale. */
  blocked: {
    product: { encoding: "blocked", ...sizes, bits: 4, blockSize: 32, quants: "q", scales: "s" },
    tensors: [tensor("q", "u8", elements / 2, 1), tensor("s", "f32", elements / 32, 4)],
  },
  w8a8: {
    product: { encoding: "w8a8", ...sizes, weight: "w", scales: "s" },
    tensors: [tensor("w", "i8", elements, 1), tensor("s", "f32", outputSize, 4)],
  },
  halves: {
    product: { encoding: "dense", ...sizes, weight: "w", transposed: false },
    tensors: [tensor("w", "f16", elements, 2)],
  },
  floats: {
    product: { encoding: "dense", ...sizes, weight: "w", transposed: false },
    tensors: [tensor("w", "f32", elements, 4)],
  },
} satisfies Record<string, { product: PackedProduct; tensors: PackedTensor[] }>;

/** Four layers of one product each. */
function model(kind: keyof typeof contents): Manifest {
  const manifest = paperManifest();
  const { product, tensors } = contents[kind];
  const blobs = manifest.blobs.map(
    (blob): Blob => (blob.role === "layer" ? { ...blob, tensors, products: [product] } : blob),
  );
  return { ...manifest, blobs };
}

const layerHalves = 2 * elements + 4096;
const layerPacked = elements * (0.5 + 2 / 32);
/** Keys and values of two heads of 16, in halves. */
const kvTokenBytes = 2 * 2 * 16 * 2;

function choose(
  kind: keyof typeof contents,
  memoryBytes: number,
  {
    wanted = "auto",
    layers = 4,
    maxSequences = 2,
    maxContext = 100,
  }: Partial<{
    wanted: WantedGpuWeights;
    layers: number;
    maxSequences: number;
    maxContext: number;
  }> = {},
) {
  const part = { manifest: model(kind), firstLayer: 0, endLayer: layers, embedding: true, head: true };
  const { form, reason } = chooseGpuWeights(part, wanted, { maxSequences, maxContext }, memoryBytes);
  return { name: form.name, expand: form.expand, reason };
}

describe("the form of weights on a GPU", () => {
  it("is f16 where that fits beside KV, otherwise packed", () => {
    const enough = 4 * layerHalves + 4 * 200 * kvTokenBytes;
    expect(choose("blocked", enough)).toMatchObject({ name: "f16", expand: true });
    expect(choose("blocked", enough - 1)).toMatchObject({ name: "packed", expand: false });
    expect(choose("blocked", enough - 1, { layers: 3 })).toMatchObject({ name: "f16" });
    expect(choose("blocked", enough, { maxSequences: 3 })).toMatchObject({ name: "packed" });
    expect(choose("blocked", enough).reason).toBe(
      "as f16, 128.0 MiB of weights and KV of 200 tokens (100.0 KiB) fit the 128.1 MiB that may be taken",
    );
    expect(choose("blocked", 1e6).reason).toMatch(/do not fit the 976.6 KiB/);
  });

  it("is what the operator says, whatever fits", () => {
    expect(choose("blocked", 0, { wanted: "f16" })).toEqual({
      ...{ name: "f16", expand: true, reason: "--gpu-weights f16" },
    });
    expect(choose("blocked", 1e12, { wanted: "packed" })).toMatchObject({ name: "packed", expand: false });
  });

  it("is f16 for products of integers, and packed is refused for them with the way out", () => {
    expect(choose("w8a8", 0)).toMatchObject({ name: "f16", expand: true });
    expect(() => choose("w8a8", 1e12, { wanted: "packed" })).toThrow(
      /--gpu-weights packed: .*integers.* take auto or f16/,
    );
  });

  it("is f16 for floats, written anew only where they are wider", () => {
    for (const wanted of ["auto", "f16", "packed"] as const) {
      expect(choose("halves", 0, { wanted })).toMatchObject({ name: "f16", expand: false });
      expect(choose("floats", 0, { wanted })).toMatchObject({ name: "f16", expand: true });
    }
  });

  it("leaves room for one whole context, or for what usual sequences have together", () => {
    expect(wantedKvTokens({ maxSequences: 32, maxContext: 131_072 })).toBe(131_072);
    expect(wantedKvTokens({ maxSequences: 256, maxContext: 8192 })).toBe(256 * 1024);
    expect(wantedKvTokens({ maxSequences: 4, maxContext: 100 })).toBe(400);
  });

  it("is told to the planner with sizes as the device holds them", () => {
    const demand = { maxSequences: 2, maxContext: 100 };
    const [f16, packed, ...rest] = heldWeights(model("blocked"), "auto", demand);
    expect(rest).toEqual([]);
    expect(f16).toMatchObject({ name: "f16", layerBytes: Array(4).fill(layerHalves), kvTokens: 200 });
    expect(packed).toMatchObject({ name: "packed", layerBytes: Array(4).fill(layerPacked) });
    expect(gpuWeightForms(model("halves"), "auto").map(({ name }) => name)).toEqual(["f16"]);
  });
});

it.each([
  [1, 1, false],
  [3, 1, false],
  [4, 1, true],
  [64, 1, true],
  [65, 1, false],
  [128, 2, true],
  [6, 2, false],
])("CUDA's kernel for few rows: %i sequences in %i lanes", (maxSequences, laneCount, wanted) => {
  expect(wantsFewRowsKernel(maxSequences, laneCount)).toBe(wanted);
});
