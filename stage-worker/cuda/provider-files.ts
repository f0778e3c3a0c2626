import { existsSync, readFileSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** ONNX Runtime's CUDA provider; both have to lie beside its library. In the order in which they are put there. */
export const providerFiles = [
  "libonnxruntime_providers_shared.so",
  "libonnxruntime_providers_cuda.so",
] as const;

/** The ONNX Runtime that stages compute with. */
export interface InstalledRuntime {
  readonly version: string;
  /** Of its library, and so of its providers. */
  readonly folder: string;
}

/** Of Linux on x64, the only platform that the CUDA provider is taken for. */
export function installedRuntime(): InstalledRuntime {
  const description = createRequire(import.meta.url).resolve("onnxruntime-node/package.json");
  const { version } = JSON.parse(readFileSync(description, "utf8")) as { version: string };
  return { version, folder: join(dirname(realpathSync(description)), "bin", "napi-v6", "linux", "x64") };
}

/** Those of the provider's files that are not there. */
export function missingProviderFiles(folder: string): string[] {
  return providerFiles.filter((file) => !existsSync(join(folder, file)));
}
