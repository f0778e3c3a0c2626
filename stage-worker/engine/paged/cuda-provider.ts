import { open as openFile } from "node:fs/promises";
import { join } from "node:path";
import { InferenceSession } from "onnxruntime-node";
import { gpuMemory } from "../../cuda/gpu-memory.js";
import type { RunnerOptions } from "../stage-runner.js";
import type { CacheShape, Provider } from "./provider.js";

const bytesPerValue = 2;

/**
 * ONNX Runtime's CUDA provider on one of the machine's GPUs. It copies no input that is on the device already and
 * cannot keep an output there, but changes constants in place: so the caches are constants.
 */
export function cudaProvider(
  deviceId: number,
  { fewRowsKernel = false }: Pick<RunnerOptions, "fewRowsKernel"> = {},
): Provider {
  return {
    name: `CUDA device ${deviceId}`,
    blockSizeStep: 16,
    sharesCaches: false,
    // Cutting them out costs more than copies: 1.49 ms a step against 1.34, a 1B shape on an H200.
    packsIntegers: false,
    blockSizePowers: true,
    headSizes: { multipleOf: 8, most: 256 },
    memory: () => gpuMemory(deviceId),
    cachesInGraph: async ({ dims }, blobsFolder) => ({ zerosFile: await zerosFile(dims, blobsFolder) }),
    openCaches: async () => ({ feeds: {}, close: async () => undefined }),
    open: (path) =>
      InferenceSession.create(path, {
        executionProviders: [{ name: "cuda", deviceId }],
        graphOptimizationLevel: "all",
        intraOpNumThreads: 1,
        logSeverityLevel: 3,
        extra: {
          session: { disable_cpu_ep_fallback: "1", use_device_allocator_for_initializers: "1" },
          "ep.cuda.fpa_intb_gemm": fewRowsKernel ? "1" : "0",
        },
      }),
  };
}

/** A sparse file, the same for all caches of this size and smaller ones. */
async function zerosFile(dims: CacheShape["dims"], blobsFolder: string): Promise<string> {
  const name = "kv-zeros";
  const sizeBytes = dims.reduce((product, size) => product * size, bytesPerValue);
  const file = await openFile(join(blobsFolder, name), "a");
  try {
    const { size } = await file.stat();
    if (size < sizeBytes) await file.truncate(sizeBytes);
  } finally {
    await file.close();
  }
  return name;
}
