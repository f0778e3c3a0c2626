import { existsSync, readdirSync } from "node:fs";
import { StagecoachError } from "../../common/errors.js";
import { formatBytes } from "../../model/store/format-bytes.js";
import {
  type CudaFacts,
  cudaPlatform,
  cudaProblem,
  librariesProblem,
} from "../../stage-worker/cuda/cuda-facts.js";
import { describeHolders, gpuMemory } from "../../stage-worker/cuda/gpu-memory.js";
import { cudaTrialProblem } from "../../stage-worker/cuda/try-cuda.js";
import { type WebGpuAdapter, webgpuAdapters } from "../../stage-worker/webgpu/webgpu-adapters.js";
import type { Finding } from "./finding.js";

/**
 * NVIDIA's GPUs, each with its memory, driver, and who else has memory there. None is no fault.
 * @param holders who has memory on a GPU, in words; empty for nobody
 */
export async function checkGpus(
  { gpus }: CudaFacts,
  holders: (deviceIndex: number) => Promise<string>,
): Promise<Finding> {
  const name = "NVIDIA GPUs";
  if (gpus.reason === undefined) {
    const described = gpus.gpus.map(async ({ index, name: model, totalBytes, freeBytes, driver }) => {
      const held = await holders(index);
      return `cuda:${index} ${model}, ${formatBytes(freeBytes)} free of ${formatBytes(totalBytes)}${held && ` (${held})`}, driver ${driver}`;
    });
    return { name, grade: "good", fact: (await Promise.all(described)).join("; ") };
  }
  const remedy = "for --device cuda: an NVIDIA GPU and its driver; CPUs need neither";
  return { name, grade: "poor", fact: gpus.reason, remedy };
}

/** Who has memory on a GPU; what cannot be told is told as that. */
export async function gpuHolders(deviceIndex: number): Promise<string> {
  try {
    return describeHolders((await gpuMemory(deviceIndex)).others);
  } catch (reason) {
    return StagecoachError.from(reason).message;
  }
}

/** Tries every GPU, where nothing that CUDA needs is missing; gives the problems of those that do not compute. */
export async function tryGpus(facts: CudaFacts): Promise<string[]> {
  if (cudaProblem(facts) !== undefined) return [];
  const tried = await Promise.all(facts.gpus.gpus.map(({ index }) => cudaTrialProblem(index)));
  return tried.filter((problem) => problem !== undefined);
}

/**
 * Whether ONNX Runtime's CUDA provider and the libraries that it needs are here, and whether GPUs compute with them.
 * @param failing why some do not
 */
export function checkCuda(
  { platform, gpus, missingProvider, missingLibraries }: CudaFacts,
  failing: readonly string[],
): Finding {
  const name = "CUDA provider";
  if (platform !== cudaPlatform)
    return { name, grade: "good", fact: `${cudaPlatform} only, not ${platform}` };
  if (missingProvider.length > 0) {
    if (gpus.reason !== undefined) return { name, grade: "good", fact: "not here; nothing would use it" };
    return { name, grade: "poor", fact: "not here", remedy: "for --device cuda: stagecoach install cuda" };
  }
  if (failing.length > 0) {
    return { name, grade: "poor", fact: "here, but not every GPU computes", remedy: failing.join("; ") };
  }
  if (missingLibraries.length === 0) return { name, grade: "good", fact: "here, with CUDA 13's libraries" };
  return {
    name,
    grade: "poor",
    fact: "here, but not all that it needs",
    remedy: librariesProblem(missingLibraries),
  };
}

/** What of WebGPU is graded. */
export interface WebgpuFindings {
  /** Why it does not compute; absent where it does. */
  readonly problem?: string;
  /** The GPUs that it can be told to take, by number. */
  readonly adapters: readonly Pick<WebGpuAdapter, "name" | "problem">[];
  /** Whether there is a GPU at all. */
  readonly hardware: boolean;
}

/** Whether WebGPU computes, and on which GPUs. */
export function gradeWebgpu({ problem, adapters, hardware }: WebgpuFindings): Finding {
  const name = "WebGPU";
  const listed = adapters.map(
    (adapter, index) =>
      `webgpu:${index} ${adapter.name}${adapter.problem === undefined ? "" : `, which does not compute (${adapter.problem})`}`,
  );
  if (problem !== undefined) {
    const remedy = "for --device webgpu: a GPU with a Vulkan driver that knows float16; CPUs need none";
    return { name, grade: "poor", fact: [`does not compute: ${problem}`, ...listed].join("; "), remedy };
  }
  const on = listed.length === 0 ? "" : ` on ${listed.join("; ")}`;
  if (hardware) return { name, grade: "good", fact: `computes in float16${on}` };
  return {
    name,
    grade: "poor",
    fact: `computes in software only${on}: no GPU is behind the Vulkan driver`,
    remedy: "good for tests; take --device cpu here, which is much faster",
  };
}

/** Tries WebGPU, and which GPUs it can be told to take. */
export async function checkWebgpu(): Promise<Finding> {
  return gradeWebgpu({ ...(await webgpuAdapters()), hardware: hasGpuDevice() });
}

/**
 * On Linux a GPU is a render node, or NVIDIA's device where its Vulkan driver is registered; elsewhere WebGPU has no
 * software behind it.
 */
function hasGpuDevice(): boolean {
  if (process.platform !== "linux") return true;
  const drivers = ["/etc/vulkan/icd.d", "/usr/share/vulkan/icd.d"];
  if (existsSync("/dev/nvidia0") && drivers.some((folder) => existsSync(`${folder}/nvidia_icd.json`)))
    return true;
  return existsSync("/dev/dri") && readdirSync("/dev/dri").some((name) => name.startsWith("renderD"));
}
