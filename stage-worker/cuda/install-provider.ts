import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { StagecoachError } from "../../common/errors.js";
import { isErrno, realDisk, requireFreeSpace } from "../../model/store/disk.js";
import { cudaPlatform } from "./cuda-facts.js";
import { type DownloadOptions, downloadWheel } from "./download-wheel.js";
import { type InstalledRuntime, missingProviderFiles, providerFiles } from "./provider-files.js";
import { unpackFromWheel } from "./unpack-wheel.js";

/** What the provider is installed with. */
export interface InstallOptions extends Pick<DownloadOptions, "environment" | "signal" | "onProgress"> {
  readonly runtime: InstalledRuntime;
  /** e.g. `linux x64` */
  readonly platform: string;
}

/** The Python package that carries ONNX Runtime with CUDA; its library has the same commit as the one for Node. */
const packageName = "onnxruntime-gpu";
/** The wheel, and what is unpacked of it. */
const neededBytes = 1024 ** 3;
/** Says which version the files beside it are of. */
const stampName = "libonnxruntime_providers.stagecoach";

/**
 * Puts ONNX Runtime's CUDA provider beside its library, where it is looked for: out of the Python package of exactly
 * the same version. Needs no root where this user installed the packages. A file is there whole or not at all.
 * @returns whether anything had to be done
 * @throws StagecoachError FAILED_PRECONDITION on other platforms, PERMISSION_DENIED for a folder of somebody else's,
 * RESOURCE_EXHAUSTED without room, UNAVAILABLE when pip fails, DATA_LOSS for a wheel that is not as it should be
 */
export async function installCudaProvider(options: InstallOptions): Promise<boolean> {
  const { runtime, platform, environment, signal } = options;
  if (platform !== cudaPlatform) {
    throw new StagecoachError(
      "FAILED_PRECONDITION",
      `the CUDA provider is for ${cudaPlatform}, this is ${platform}: take --device webgpu or cpu here`,
    );
  }
  if (await isInstalled(runtime)) return false;
  const folder = await workFolder(runtime);
  try {
    await requireFreeSpace(realDisk, folder, neededBytes);
    const downloads = join(folder, "wheel");
    await mkdir(downloads);
    const wheel = await downloadWheel(packageName, runtime.version, { ...options, folder: downloads });
    const unpacked = await unpackFromWheel({
      wheel,
      version: runtime.version,
      inner: "onnxruntime/capi",
      files: providerFiles,
      folder: join(folder, "unpacked"),
      environment,
      signal,
    });
    await rm(join(runtime.folder, stampName), { force: true });
    for (const [index, file] of providerFiles.entries())
      await rename(unpacked[index] as string, join(runtime.folder, file));
    await writeFile(join(runtime.folder, stampName), `${runtime.version}\n`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return true;
}

/** Files that were put there by hand may be of any version, so they do not count. */
async function isInstalled({ folder, version }: InstalledRuntime): Promise<boolean> {
  if (missingProviderFiles(folder).length > 0) return false;
  try {
    return (await readFile(join(folder, stampName), "utf8")).trim() === version;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return false;
    throw error;
  }
}

/** On the disk that the files will be on, so that they are moved there and not copied. */
async function workFolder({ folder }: InstalledRuntime): Promise<string> {
  const work = join(folder, `stagecoach-${process.pid}-${randomUUID()}.partial`);
  try {
    await mkdir(work);
    return work;
  } catch (cause) {
    if (!isErrno(cause, "EACCES") && !isErrno(cause, "EROFS") && !isErrno(cause, "EPERM")) throw cause;
    throw new StagecoachError(
      "PERMISSION_DENIED",
      `the CUDA provider belongs into ${folder}, which this user may not write to: run this as whoever installed Stagecoach`,
      { cause },
    );
  }
}
