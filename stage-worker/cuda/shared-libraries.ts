import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

/** What ONNX Runtime's CUDA 13 provider links to and cannot do without; cuDNN it opens where it is found. */
const cudaLibraries = ["libcudart.so.13", "libcublas.so.13", "libcublasLt.so.13", "libcurand.so.10"];

/** The CUDA runtime's libraries that the loader will not find: neither in its cache nor in `LD_LIBRARY_PATH`. */
export async function missingCudaLibraries(searchPath: string | undefined): Promise<string[]> {
  const cached = await loaderCache();
  const folders = (searchPath ?? "").split(":").filter((folder) => folder !== "");
  return cudaLibraries.filter(
    (name) => !cached.has(name) && !folders.some((folder) => existsSync(join(folder, name))),
  );
}

async function loaderCache(): Promise<ReadonlySet<string>> {
  for (const program of ["ldconfig", "/sbin/ldconfig"]) {
    try {
      const { stdout } = await promisify(execFile)(program, ["-p"], { maxBuffer: 2 ** 26 });
      return new Set(stdout.split("\n").map((line) => line.trim().split(" ")[0] ?? ""));
    } catch {
      // Not on everybody's path; where it is nowhere, LD_LIBRARY_PATH alone counts.
    }
  }
  return new Set();
}
