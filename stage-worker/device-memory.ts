import { StagecoachError } from "../common/errors.js";
import { type Memory, readMemory } from "../common/free-memory.js";
import { nvidiaGpusNow } from "./cuda/nvidia-gpus.js";
import type { NamedDevice } from "./device-name.js";
import { drmCards } from "./drm-cards.js";
import { webgpuMemory } from "./webgpu-memory.js";

/**
 * Memory of what computes.
 * @throws StagecoachError FAILED_PRECONDITION when there is no such GPU, or no driver that could be asked
 */
export function deviceMemory({ device, deviceIndex = 0, adapter }: NamedDevice): Memory {
  if (device === "cuda") return cudaMemory(deviceIndex);
  const memory = readMemory();
  if (device !== "webgpu") return memory;
  const { platform, arch } = process;
  const facts = { platform, arch, memory, nvidia: nvidiaGpusNow(), cards: drmCards() };
  return webgpuMemory({ ...facts, ...(adapter !== undefined && { adapter }) });
}

function cudaMemory(deviceIndex: number): Memory {
  const { gpus, reason } = nvidiaGpusNow();
  const gpu = gpus.find(({ index }) => index === deviceIndex);
  if (gpu !== undefined) return { totalBytes: gpu.totalBytes, freeBytes: gpu.freeBytes };
  const why = reason ?? `NVIDIA's driver lists ${gpus.map(({ index }) => `cuda:${index}`).join(", ")}`;
  throw new StagecoachError(
    "FAILED_PRECONDITION",
    `no CUDA device ${deviceIndex}: ${why}; take another one, or --device cpu or webgpu`,
  );
}
