import { expect, test, vi } from "vitest";
import { chooseDevices } from "./choose-devices.js";
import type { CudaFacts } from "./cuda/cuda-facts.js";

const gpu = { index: 0, name: "NVIDIA H200", totalBytes: 2 ** 37, freeBytes: 2 ** 36, driver: "580.65" };
const two: CudaFacts = {
  platform: "linux x64",
  gpus: { gpus: [gpu, { ...gpu, index: 1 }] },
  missingProvider: [],
  missingLibraries: [],
};
const none: CudaFacts = { ...two, gpus: { gpus: [], reason: "NVIDIA's driver is not here" } };

function looks(facts: CudaFacts, reason?: string) {
  return {
    platform: "linux",
    cuda: vi.fn(async () => facts),
    webgpu: vi.fn(async () => (reason === undefined ? {} : { problem: reason })),
    webgpuAdapters: vi.fn(async () => ({ adapters: [] })),
  };
}

test("a list is what it names, in its order, looked at once", async () => {
  const seen = looks(two);
  expect(await chooseDevices("cuda:1,cpu,cuda:0,cuda:1", seen)).toEqual([
    { device: "cuda", deviceIndex: 1 },
    { device: "cpu" },
    { device: "cuda", deviceIndex: 0 },
    { device: "cuda", deviceIndex: 1 },
  ]);
  expect(seen.cuda).toHaveBeenCalledTimes(1);
});

test("cuda:all is every NVIDIA GPU, or why there is none", async () => {
  expect(await chooseDevices("cuda:all", looks(two))).toEqual([
    { device: "cuda", deviceIndex: 0 },
    { device: "cuda", deviceIndex: 1 },
  ]);
  await expect(chooseDevices("cuda:all", looks(none))).rejects.toThrow(
    "--device cuda: NVIDIA's driver is not here: install NVIDIA's driver, or take --device cpu",
  );
});

test("auto alone is settled as ever, and refused in a list", async () => {
  expect(await chooseDevices("auto", looks(none))).toMatchObject([{ device: "cpu" }]);
  await expect(chooseDevices("auto,cpu", looks(two))).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    message: "--device auto,cpu: auto stands alone; name every device of a list",
  });
});

test.each([
  ["cpu,cuda:7", /^--device cuda:7: there is no GPU of the number 7: take cuda:0 \(NVIDIA H200\), cuda:1/],
  ["cpu,webgpu", /^--device webgpu: WebGPU finds no GPU with float16 \(no adapter\)/],
  ["cpu,toaster", /^there is no device "toaster"/],
  ["cpu,", /^there is no device ""/],
])("one of a list that cannot be is named: %s", async (list, message) => {
  await expect(chooseDevices(list, looks(two, "no adapter"))).rejects.toThrow(message);
});
