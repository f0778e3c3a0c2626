import { expect, test } from "vitest";
import { paperManifest, runnerOptions } from "../../../test/fixtures/stage-fixtures.js";
import { checkAttention } from "./check-attention.js";
import { cudaProvider } from "./cuda-provider.js";
import { webgpuProvider } from "./webgpu-provider.js";

const options = (headSize: number, blockSize: number) =>
  runnerOptions({ manifest: paperManifest({ headSize }), blockSize });

test.each([
  ["cuda", 64, 256],
  ["cuda", 256, 16],
  ["cuda", 8, 128],
  ["webgpu", 80, 96],
] as const)("%s attends with heads of %i and blocks of %i", (device, headSize, blockSize) => {
  const provider = device === "cuda" ? cudaProvider(0) : webgpuProvider();
  expect(() => checkAttention(options(headSize, blockSize), provider)).not.toThrow();
});

test.each([
  [
    "cuda",
    20,
    256,
    /CUDA device 0 cannot attend with heads of 20 values, as paper has them, .*multiple of 8 up to 256: .*--device cpu/,
  ],
  ["cuda", 320, 256, /heads of 320 values/],
  ["cuda", 64, 24, /blocks of 24 tokens.*multiple of 16: --block-size 16/],
  ["cuda", 64, 48, /blocks of 48 tokens.*power of two: --block-size 32/],
  ["webgpu", 24, 32, /WebGPU cannot attend with heads of 24 values, .*multiple of 16: /],
  ["webgpu", 64, 16, /blocks of 16 tokens.*multiple of 32: --block-size 32/],
] as const)("%s refuses heads of %i and blocks of %i", (device, headSize, blockSize, message) => {
  const provider = device === "cuda" ? cudaProvider(0) : webgpuProvider();
  expect(() => checkAttention(options(headSize, blockSize), provider)).toThrow(message);
});

test("a stage without layers attends to nothing", () => {
  const head = { ...options(20, 256), firstLayer: 4 };
  expect(() => checkAttention(head, cudaProvider(0))).not.toThrow();
});
