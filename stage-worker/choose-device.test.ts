import { describe, expect, test } from "vitest";
import { chooseDevice, type DeviceLooks } from "./choose-device.js";
import type { CudaFacts } from "./cuda/cuda-facts.js";

const gpu = { index: 0, name: "NVIDIA H200", totalBytes: 2 ** 37, freeBytes: 2 ** 36, driver: "580.65" };
const complete: CudaFacts = {
  platform: "linux x64",
  gpus: { gpus: [gpu, { ...gpu, index: 1 }] },
  missingProvider: [],
  missingLibraries: [],
};
const noGpu: CudaFacts = { ...complete, gpus: { gpus: [], reason: "NVIDIA's driver is not here" } };

function looks(
  cuda: CudaFacts,
  webgpu?: string,
  failing: Readonly<Record<number, string>> = {},
): DeviceLooks {
  return {
    platform: "linux",
    cuda: async () => cuda,
    tryCuda: async (index) => failing[index],
    webgpu: async () => (webgpu === undefined ? {} : { problem: webgpu }),
    webgpuAdapters: async () => ({ adapters: [] }),
  };
}

describe("auto", () => {
  test("takes the first NVIDIA GPU where all that it needs is here", async () => {
    expect(await chooseDevice("auto", looks(complete))).toEqual({
      device: "cuda",
      deviceIndex: 0,
      reason: "computes on cuda:0, NVIDIA H200",
    });
  });

  test("takes the next GPU where the first does not compute, the CPU where none does, and says why", async () => {
    const busy = looks(complete, undefined, { 0: "the GPU lets no more processes in" });
    expect(await chooseDevice("auto", busy)).toEqual({
      device: "cuda",
      deviceIndex: 1,
      reason: "computes on cuda:1, NVIDIA H200, for the GPU lets no more processes in",
    });
    expect(await chooseDevice("auto", looks(complete, undefined, { 0: "full", 1: "busy" }))).toEqual({
      device: "cpu",
      reason: "computes on the CPU, though NVIDIA H200 is here: full; busy",
    });
  });

  test("takes the CPU without one", async () => {
    const { device, reason } = await chooseDevice("auto", looks(noGpu));
    expect({ device, reason }).toEqual({
      device: "cpu",
      reason: "computes on the CPU: no NVIDIA GPU is here",
    });
  });

  test.each([
    [{ missingProvider: ["libonnxruntime_providers_cuda.so"] }, "`stagecoach install cuda` fetches it"],
    [{ missingLibraries: ["libcublas.so.13"] }, "libcublas.so.13 of CUDA 13 are not found"],
  ])("takes the CPU beside a GPU that lacks %j, and says so", async (lack, words) => {
    const { device, reason } = await chooseDevice("auto", looks({ ...complete, ...lack }));
    expect(device).toBe("cpu");
    expect(reason).toContain(`though NVIDIA H200 is here: `);
    expect(reason).toContain(words);
  });
});

describe("a device that is named is taken or refused", () => {
  test.each([
    ["cpu", { device: "cpu" }],
    ["simulated", { device: "simulated" }],
    ["webgpu", { device: "webgpu" }],
    ["cuda", { device: "cuda" }],
    ["cuda:1", { device: "cuda", deviceIndex: 1 }],
  ])("%s", async (name, device) => expect(await chooseDevice(name, looks(complete))).toEqual(device));

  test.each<[string, CudaFacts, string]>([
    [
      "cuda",
      noGpu,
      "--device cuda: NVIDIA's driver is not here: install NVIDIA's driver, or take --device cpu",
    ],
    ["cuda:2", complete, "no GPU of the number 2: take cuda:0 (NVIDIA H200), cuda:1 (NVIDIA H200)"],
    ["cuda:1", { ...complete, missingProvider: ["a.so"] }, "(a.so): `stagecoach install cuda` fetches it"],
    ["cuda", { ...complete, missingLibraries: ["libcurand.so.10"] }, "LD_LIBRARY_PATH"],
    ["cuda", { ...complete, platform: "darwin arm64" }, "on linux x64 only, this is darwin arm64"],
  ])("%s of %j", async (name, facts, message) => {
    await expect(chooseDevice(name, looks(facts))).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
      message: expect.stringContaining(message),
    });
  });

  test("a GPU on which nothing computes", async () => {
    const full = looks(complete, undefined, { 1: "the memory of cuda:1 is full: end what has it" });
    await expect(chooseDevice("cuda:1", full)).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
      message: "--device cuda:1: the memory of cuda:1 is full: end what has it, or take --device cpu",
    });
    expect(await chooseDevice("cuda:0", full)).toEqual({ device: "cuda", deviceIndex: 0 });
  });

  test("webgpu without an adapter", async () => {
    await expect(chooseDevice("webgpu", looks(complete, "No supported adapters"))).rejects.toThrow(
      "--device webgpu: WebGPU finds no GPU with float16 (No supported adapters): install a Vulkan driver",
    );
  });
});
