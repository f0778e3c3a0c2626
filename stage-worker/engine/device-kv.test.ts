import { describe, expect, test } from "vitest";
import { paperManifest } from "../../test/fixtures/stage-fixtures.js";
import { deviceKv } from "./device-kv.js";

describe("the block size that a device wants", () => {
  test.each([
    [32, 256],
    [64, 256],
    [96, 128],
    [128, 128],
    [256, 16],
  ])("CUDA, heads of %i: %i", (headSize, blockSize) => {
    expect(deviceKv("cuda", paperManifest({ headSize })).blockSize).toBe(blockSize);
  });

  test("WebGPU 32; CPUs take any", () => {
    expect(deviceKv("webgpu", paperManifest()).blockSize).toBe(32);
    expect(deviceKv("cpu", paperManifest()).blockSize).toBe(0);
    expect(deviceKv("simulated", paperManifest()).blockSize).toBe(0);
  });
});

test("KV of a token takes f32 on a CPU, halves on GPUs, nothing where nothing is computed", () => {
  const manifest = paperManifest({ kvHeadCount: 2, headSize: 16 });
  const bytes = (["cpu", "cuda", "webgpu", "simulated"] as const).map(
    (device) => deviceKv(device, manifest).bytesPerTokenLayer,
  );
  expect(bytes).toEqual([256, 128, 128, 0]);
});

test("a CPU that multiplies integers keeps levels and a scale a head", () => {
  const manifest = paperManifest({ kvHeadCount: 2, headSize: 16 });
  const product = { encoding: "w8a8", name: "o", inputSize: 64, outputSize: 64 } as const;
  const products = [{ ...product, weight: "o.weight", scales: "o.scales" }];
  const blobs = manifest.blobs.map((blob) => (blob.role === "layer" ? { ...blob, products } : blob));
  expect(deviceKv("cpu", { ...manifest, blobs }).bytesPerTokenLayer).toBe(2 * 2 * (16 + 4));
});
