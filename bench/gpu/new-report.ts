import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { promisify } from "node:util";
import { packageRoot, version } from "../../common/package-root.js";
import type { Manifest } from "../../model/store/manifest.js";
import { nvidiaGpus } from "../../stage-worker/cuda/nvidia-gpus.js";
import { parseDevice } from "../../stage-worker/device-name.js";
import { deviceKv } from "../../stage-worker/engine/device-kv.js";
import { stageWeightBytes } from "../../stage-worker/engine/ort/weight-bytes.js";
import { readMachine } from "../machine.js";
import { type BandwidthLimit, bandwidthLimit, cardBandwidth } from "./bandwidth-limit.js";
import type { GpuBenchOptions } from "./gpu-bench-options.js";
import type { GpuFacts, GpuReport } from "./gpu-report.js";

/** A report of what is to be measured, and on what, without any part. */
export async function newReport(options: GpuBenchOptions, manifest: Manifest): Promise<GpuReport> {
  const { shape, variant, device, promptTokens, outputTokens, rounds } = options;
  const gpu = await gpuFacts(device);
  const limit = gpu && limitOf(options, manifest, gpu);
  const commit = await commitHash();
  return {
    schemaVersion: 1,
    startedAt: new Date().toISOString(),
    ended: "running",
    shape,
    variant,
    device,
    workload: { promptTokens, outputTokens, rounds },
    machine: { ...(await readMachine()), ...(gpu && { gpu }) },
    versions: {
      stagecoach: version,
      onnxruntimeNode: await onnxruntimeVersion(),
      ...(commit !== undefined && { commit }),
    },
    ...(limit && { limit }),
    parts: {},
  };
}

async function gpuFacts(name: string): Promise<GpuFacts | undefined> {
  const { device, deviceIndex = 0 } = parseDevice(name);
  if (device !== "cuda") return undefined;
  const { gpus } = await nvidiaGpus();
  const gpu = gpus.find(({ index }) => index === deviceIndex);
  return gpu && { name: gpu.name, driver: gpu.driver, totalBytes: gpu.totalBytes };
}

function limitOf(
  { device, promptTokens, outputTokens, concurrencies }: GpuBenchOptions,
  manifest: Manifest,
  { name }: GpuFacts,
): BandwidthLimit | undefined {
  const memoryBytesPerSecond = cardBandwidth(name);
  if (memoryBytesPerSecond === undefined) return undefined;
  const { layerCount } = manifest.config;
  const { bytesPerTokenLayer } = deviceKv(parseDevice(device).device, manifest);
  // Of an embedding that is no head, a step reads a row a sequence.
  const wholeModel = { firstLayer: 0, endLayer: layerCount, embedding: false, head: true };
  return bandwidthLimit(
    {
      memoryBytesPerSecond,
      weightBytes: stageWeightBytes({ manifest, ...wholeModel }),
      kvBytesPerToken: layerCount * bytesPerTokenLayer,
      contextTokens: promptTokens + outputTokens / 2,
    },
    concurrencies,
  );
}

/** As the bundle's maker wrote it down, or of the repository; undefined where neither is. */
async function commitHash(): Promise<string | undefined> {
  const path = join(packageRoot, "COMMIT");
  if (existsSync(path)) return (await readFile(path, "utf8")).trim();
  if (!existsSync(join(packageRoot, ".git"))) return undefined;
  const { stdout } = await promisify(execFile)("git", [
    "-C",
    packageRoot,
    "describe",
    "--always",
    "--abbrev=40",
    "--exclude=*",
    "--dirty",
  ]);
  return stdout.trim();
}

async function onnxruntimeVersion(): Promise<string> {
  const path = createRequire(import.meta.url).resolve("onnxruntime-node/package.json");
  return (JSON.parse(await readFile(path, "utf8")) as { version: string }).version;
}
