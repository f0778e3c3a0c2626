import { expect, test } from "vitest";
import type { CudaFacts } from "../../stage-worker/cuda/cuda-facts.js";
import { checkCuda, checkGpus, gradeWebgpu } from "./gpu-checks.js";

const gpu = { index: 0, name: "NVIDIA H200", totalBytes: 2 ** 37, freeBytes: 2 ** 36, driver: "580.65" };
const facts: CudaFacts = {
  platform: "linux x64",
  gpus: { gpus: [gpu] },
  missingProvider: [],
  missingLibraries: [],
};
const nobody = async () => "";
const noGpus = { gpus: [], reason: "NVIDIA's driver is not here" } as const;

test("GPUs are listed with memory and driver", async () => {
  expect((await checkGpus(facts, nobody)).fact).toBe(
    "cuda:0 NVIDIA H200, 64.0 GiB free of 128.0 GiB, driver 580.65",
  );
  const python = async () => "process 12 (python3) holds 64.0 GiB";
  expect((await checkGpus(facts, python)).fact).toContain(
    "of 128.0 GiB (process 12 (python3) holds 64.0 GiB), driver",
  );
  expect(await checkGpus({ ...facts, gpus: noGpus }, nobody)).toMatchObject({
    grade: "poor",
    fact: "NVIDIA's driver is not here",
  });
});

test("the provider is missed only where a GPU would use it", () => {
  const missingProvider = ["libonnxruntime_providers_cuda.so"];
  expect(checkCuda({ ...facts, missingProvider }, []).remedy).toContain("stagecoach install cuda");
  expect(checkCuda({ ...facts, missingProvider, gpus: noGpus }, []).grade).toBe("good");
  expect(checkCuda({ ...facts, missingLibraries: ["libcublas.so.13"] }, []).remedy).toContain(
    "libcublas.so.13",
  );
  expect(checkCuda(facts, []).grade).toBe("good");
  expect(checkCuda(facts, ["the memory of cuda:0 is full"])).toMatchObject({
    grade: "poor",
    remedy: "the memory of cuda:0 is full",
  });
});

test("software rendering is called that", () => {
  const adapters = [{ name: "llvmpipe" }];
  expect(gradeWebgpu({ adapters, hardware: false })).toMatchObject({
    grade: "poor",
    fact: "computes in software only on webgpu:0 llvmpipe: no GPU is behind the Vulkan driver",
  });
});

test("GPUs that WebGPU can take are listed by number, with what is wrong with them", () => {
  const adapters = [{ name: "NVIDIA RTX" }, { name: "Old GPU", problem: "no float16" }];
  expect(gradeWebgpu({ adapters, hardware: true })).toMatchObject({
    grade: "good",
    fact: "computes in float16 on webgpu:0 NVIDIA RTX; webgpu:1 Old GPU, which does not compute (no float16)",
  });
  expect(gradeWebgpu({ adapters: [], hardware: true }).fact).toBe("computes in float16");
  const nothing = { problem: "No supported adapters", adapters: [], hardware: true };
  expect(gradeWebgpu(nothing).fact).toBe("does not compute: No supported adapters");
});
