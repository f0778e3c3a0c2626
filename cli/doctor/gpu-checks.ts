import { existsSync, readdirSync } from "node:fs";
import { formatBytes } from "../../model/store/format-bytes.js";
import { type CudaFacts, cudaPlatform, librariesProblem } from "../../stage-worker/cuda/cuda-facts.js";
import type { Finding } from "./checks.js";

/** NVIDIA's GPUs, each with its memory and driver. None is no fault. */
export function checkGpus({ gpus }: CudaFacts): Finding {
  const name = "NVIDIA GPUs";
  if (gpus.reason === undefined) {
    const listed = gpus.gpus.map(
      ({ index, name: model, totalBytes, freeBytes, driver }) =>
        `cuda:${index} ${model}, ${formatBytes(freeBytes)} free of ${formatBytes(totalBytes)}, driver ${driver}`,
    );
    return { name, grade: "good", fact: listed.join("; ") };
  }
  const remedy = "for --device cuda: an NVIDIA GPU and its driver; CPUs need neither";
  return { name, grade: "poor", fact: gpus.reason, remedy };
}

/** Whether ONNX Runtime's CUDA provider and the libraries that it needs are here. */
export function checkCuda({ platform, gpus, missingProvider, missingLibraries }: CudaFacts): Finding {
  const name = "CUDA provider";
  if (platform !== cudaPlatform)
    return { name, grade: "good", fact: `${cudaPlatform} only, not ${platform}` };
  if (missingProvider.length > 0) {
    if (gpus.reason !== undefined) return { name, grade: "good", fact: "not here; nothing would use it" };
    return { name, grade: "poor", fact: "not here", remedy: "for --device cuda: stagecoach install cuda" };
  }
  if (missingLibraries.length === 0) return { name, grade: "good", fact: "here, with CUDA 13's libraries" };
  return {
    name,
    grade: "poor",
    fact: "here, but not all that it needs",
    remedy: librariesProblem(missingLibraries),
  };
}

/** Whether WebGPU computes, and on a GPU. `problem`: why not, undefined where it does. */
export function gradeWebgpu(problem: string | undefined, hardware: boolean): Finding {
  const name = "WebGPU";
  if (problem !== undefined) {
    const remedy = "for --device webgpu: a GPU with a Vulkan driver that knows float16; CPUs need none";
    return { name, grade: "poor", fact: `does not compute: ${problem}`, remedy };
  }
  if (hardware) return { name, grade: "good", fact: "computes in float16" };
  return {
    name,
    grade: "poor",
    fact: "computes in software only: no GPU is behind the Vulkan driver",
    remedy: "good for tests; take --device cpu here, which is much faster",
  };
}

/**
 * On Linux a GPU is a render node, or NVIDIA's device where its Vulkan driver is registered; elsewhere WebGPU has no
 * software behind it.
 */
export function hasGpuDevice(): boolean {
  if (process.platform !== "linux") return true;
  const drivers = ["/etc/vulkan/icd.d", "/usr/share/vulkan/icd.d"];
  if (existsSync("/dev/nvidia0") && drivers.some((folder) => existsSync(`${folder}/nvidia_icd.json`)))
    return true;
  return existsSync("/dev/dri") && readdirSync("/dev/dri").some((name) => name.startsWith("renderD"));
}
