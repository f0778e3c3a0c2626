import { StagecoachError } from "../common/errors.js";
import { type Memory, readMemory } from "../common/free-memory.js";
import { nvidiaGpus } from "./cuda/nvidia-gpus.js";
import type { NamedDevice } from "./device-name.js";
import { drmCards } from "./drm-cards.js";
import { webgpuMemory } from "./webgpu-memory.js";

/**
 * Memory of what computes.
 * @throws StagecoachError FAILED_PRECONDITION when there is no such GPU, or no driver that could be asked
 */
export async function deviceMemory({ device, deviceIndex = 0, adapter }: NamedDevice): Promise<Memory> {
  if (device === "cuda") return await cudaMemory(deviceIndex);
  const memory = readMemory();
  if (device !== "webgpu") return memory;
  const { platform, arch } = process;
  const facts = { platform, arch, memory, nvidia: await nvidiaGpus(), cards: drmCards() };
  return webgpuMemory({ ...facts, ...(adapter !== undefined && { adapter }) });
}

async function cudaMemory(deviceIndex: number): Promise<Memory> {
  const { gpus, reason } = await nvidiaGpus();
  const gpu = gpus.find(({ index }) => index === deviceIndex);
  if (gpu !== undefined) return { totalBytes: gpu.totalBytes, freeBytes: gpu.freeBytes };
  const why = reason ?? `NVIDIA's driver lists ${gpus.map(({ index }) => `cuda:${index}`).join(", ")}`;
  throw new StagecoachError(
    "FAILED_PRECONDITION",
    `no CUDA device ${deviceIndex}: ${why}; take another one, or --device cpu or webgpu`,
  );
}
