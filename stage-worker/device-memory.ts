import { execFileSync } from "node:child_process";
import { StagecoachError } from "../common/errors.js";
import { type Memory, readMemory } from "../common/free-memory.js";
import type { NamedDevice } from "./device-name.js";

const mebibyte = 1_048_576;
const timeoutMs = 10_000;
/** WebGPU tells nobody how much memory there is; integrated GPUs share the machine's. */
const mostWebGpuBytes = 4 * 1024 ** 3;

/**
 * Memory of what computes.
 * @throws StagecoachError FAILED_PRECONDITION when there is no such GPU, or no driver that could be asked
 */
export function deviceMemory({ device, deviceIndex = 0 }: NamedDevice): Memory {
  if (device === "cuda") return cudaMemory(deviceIndex);
  const memory = readMemory();
  if (device !== "webgpu") return memory;
  return { ...memory, freeBytes: Math.min(memory.freeBytes, mostWebGpuBytes) };
}

function cudaMemory(deviceIndex: number): Memory {
  const text = askDriver(deviceIndex);
  const [total, free] = text.split(",").map((field) => Number(field) * mebibyte);
  if (total === undefined || free === undefined || !(free >= 0)) {
    throw new StagecoachError(
      "FAILED_PRECONDITION",
      `nvidia-smi says ${JSON.stringify(text.trim())} of CUDA device ${deviceIndex}: look whether it lists the GPU`,
    );
  }
  return { totalBytes: total, freeBytes: free };
}

function askDriver(deviceIndex: number): string {
  const query = ["--query-gpu=memory.total,memory.free", "--format=csv,noheader,nounits"];
  try {
    return execFileSync("nvidia-smi", [...query, "-i", String(deviceIndex)], {
      encoding: "utf8",
      timeout: timeoutMs,
      stdio: ["ignore", "pipe", "pipe"],
    });
  } catch (cause) {
    const reason = StagecoachError.from(cause);
    const why =
      reason.code === "NOT_FOUND"
        ? "nvidia-smi is not here: install NVIDIA's driver, or take --device cpu or webgpu"
        : `nvidia-smi: ${reason.message.trim()}`;
    throw new StagecoachError("FAILED_PRECONDITION", `no CUDA device ${deviceIndex}: ${why}`, { cause });
  }
}
