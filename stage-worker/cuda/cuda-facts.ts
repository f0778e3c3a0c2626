import { type NvidiaGpus, nvidiaGpus } from "./nvidia-gpus.js";
import { installedRuntime, missingProviderFiles } from "./provider-files.js";
import { missingCudaLibraries } from "./shared-libraries.js";

/** What computing with CUDA needs, as it is on this machine. */
export interface CudaFacts {
  /** e.g. `linux x64` */
  readonly platform: string;
  readonly gpus: NvidiaGpus;
  /** Of the provider's files, those that are not beside ONNX Runtime's library. */
  readonly missingProvider: readonly string[];
  /** Of CUDA's runtime libraries, those that the loader will not find. */
  readonly missingLibraries: readonly string[];
}

/** The only platform that the CUDA provider is taken for. */
export const cudaPlatform = "linux x64";

/** Looks; never throws. */
export async function cudaFacts(): Promise<CudaFacts> {
  return {
    platform: `${process.platform} ${process.arch}`,
    gpus: await nvidiaGpus(),
    missingProvider: missingProviderFiles(installedRuntime().folder),
    // biome-ignore lint/style/noProcessEnv: the loader reads it, too.
    missingLibraries: await missingCudaLibraries(process.env["LD_LIBRARY_PATH"]),
  };
}

/** Why CUDA cannot be computed with, and the way out; undefined where it can, as far as can be seen from outside. */
export function cudaProblem(
  { platform, gpus, missingProvider, missingLibraries }: CudaFacts,
  deviceIndex?: number,
): string | undefined {
  if (platform !== cudaPlatform)
    return `stages compute with CUDA on ${cudaPlatform} only, this is ${platform}`;
  if (gpus.reason !== undefined) return `${gpus.reason}: install NVIDIA's driver`;
  if (deviceIndex !== undefined && !gpus.gpus.some(({ index }) => index === deviceIndex)) {
    const known = gpus.gpus.map(({ index, name }) => `cuda:${index} (${name})`).join(", ");
    return `there is no GPU of the number ${deviceIndex}: take ${known}`;
  }
  if (missingProvider.length > 0) {
    return `ONNX Runtime's CUDA provider is not here (${missingProvider.join(", ")}): \`stagecoach install cuda\` fetches it`;
  }
  return missingLibraries.length > 0 ? librariesProblem(missingLibraries) : undefined;
}

/** What to do about libraries of CUDA's runtime that are not found. */
export function librariesProblem(missing: readonly string[]): string {
  return `${missing.join(", ")} of CUDA 13 are not found: install NVIDIA's CUDA 13 runtime, or name their folders in LD_LIBRARY_PATH`;
}
