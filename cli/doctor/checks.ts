import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, statfs } from "node:fs/promises";
import { createServer } from "node:net";
import { availableParallelism } from "node:os";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { StagecoachError } from "../../common/errors.js";
import { type Memory, readMemory } from "../../common/free-memory.js";
import type { Home } from "../../common/home.js";
import { parseListenAddress } from "../../common/listen-address.js";
import { formatBytes } from "../../model/store/format-bytes.js";
import { cudaFacts } from "../../stage-worker/cuda/cuda-facts.js";
import { findNatsServer } from "../up/nats-server.js";
import type { Finding } from "./finding.js";
import { checkCuda, checkGpus, checkWebgpu, gpuHolders, tryGpus } from "./gpu-checks.js";

/** What is checked. */
export interface CheckOptions {
  readonly home: Home;
  /** `host:port` */
  readonly http: string;
  readonly grpc: string;
}

/** Runs every check; none of them throws. */
export async function runChecks({ home, http, grpc }: CheckOptions): Promise<Finding[]> {
  const cuda = cudaFacts();
  return await Promise.all([
    checkNode(process.versions.node),
    checkRuntime(),
    checkProcessor(),
    checkMemory(readMemory()),
    cuda.then((facts) => checkGpus(facts, gpuHolders)),
    cuda.then(async (facts) => checkCuda(facts, await tryGpus(facts))),
    checkWebgpu(),
    checkDisk(home),
    checkPort("HTTP port", http, "--http"),
    checkPort("gRPC port", grpc, "--grpc"),
    checkNats(),
    checkPip(),
  ]);
}

/** The oldest Node that works; package.json says the same. */
const oldestNode = [20, 11] as const;

export function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const good = major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1]);
  if (good) return { name: "Node", grade: "good", fact: version };
  return {
    name: "Node",
    grade: "bad",
    fact: version,
    remedy: `install Node ${oldestNode.join(".")} or newer`,
  };
}

async function checkRuntime(): Promise<Finding> {
  const name = "ONNX Runtime";
  try {
    const { env } = await import("onnxruntime-node");
    return { name, grade: "good", fact: `${env.versions.node ?? env.versions.common} loads` };
  } catch (reason) {
    const remedy =
      "run `npm ci` again on this machine; it needs 64-bit Linux (glibc 2.28 or newer), macOS or Windows";
    return { name, grade: "bad", fact: `does not load: ${StagecoachError.from(reason).message}`, remedy };
  }
}

async function checkProcessor(): Promise<Finding> {
  const flags = await processorFlags();
  const cores = `${availableParallelism()} processors`;
  return flags === undefined
    ? { name: "Processor", grade: "good", fact: `${cores}, ${process.arch}` }
    : gradeProcessor(cores, flags);
}

/** Eight-bit products need VNNI to be fast and exact at once; AVX2 is the least that is worth using. */
export function gradeProcessor(cores: string, flags: ReadonlySet<string>): Finding {
  const name = "Processor";
  const known = ["avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8"].filter((flag) => flags.has(flag));
  const fact = `${cores}, ${process.arch}, ${known.join(" ") || "no AVX2"}`;
  if (!flags.has("avx2"))
    return { name, grade: "poor", fact, remedy: "without AVX2 computing is very slow; use another machine" };
  if (flags.has("avx512_vnni") || flags.has("avx_vnni")) return { name, grade: "good", fact };
  return {
    name,
    grade: "poor",
    fact,
    remedy: "without VNNI int8 weights are slower; --variant as-is or int4 may be faster",
  };
}

async function processorFlags(): Promise<ReadonlySet<string> | undefined> {
  if (process.platform !== "linux" || process.arch !== "x64") return undefined;
  const text = await readFile("/proc/cpuinfo", "utf8");
  return new Set(/^flags\s*:\s*(.*)$/m.exec(text)?.[1]?.split(" "));
}

const leastMemoryBytes = 1024 ** 3;

export function checkMemory({ freeBytes, totalBytes }: Memory): Finding {
  const name = "Memory";
  const fact = `${formatBytes(freeBytes)} free of ${formatBytes(totalBytes)}`;
  if (freeBytes >= leastMemoryBytes) return { name, grade: "good", fact };
  return {
    name,
    grade: "poor",
    fact,
    remedy: "the default model wants 1 GiB free: end other programs or use more machines",
  };
}

const leastDiskBytes = 1024 ** 3;

async function checkDisk(home: Home): Promise<Finding> {
  const name = "Disk";
  const folder = nearestFolder(home.root);
  try {
    const { bavail, bsize } = await statfs(folder);
    const fact = `${formatBytes(bavail * bsize)} free for ${home.root}`;
    if (bavail * bsize >= leastDiskBytes) return { name, grade: "good", fact };
    return {
      name,
      grade: "poor",
      fact,
      remedy: "the default model wants 1 GiB: free some, or choose another --home",
    };
  } catch (reason) {
    const remedy = "choose a --home that this user may write to";
    return { name, grade: "bad", fact: StagecoachError.from(reason).message, remedy };
  }
}

function nearestFolder(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearestFolder(dirname(path));
}

async function checkPort(name: string, address: string, option: string): Promise<Finding> {
  const { host, port } = parseListenAddress(address, option);
  const server = createServer();
  const problem = await new Promise<string | undefined>((resolve) => {
    server.once("error", (error) => resolve(error.message));
    server.listen(port, host, () => resolve(undefined));
  });
  if (problem !== undefined) {
    const remedy = `if that is not your running cluster, end what uses it or choose another with ${option}`;
    return { name, grade: "poor", fact: `${address} cannot be used: ${problem}`, remedy };
  }
  await new Promise((resolve) => server.close(resolve));
  return { name, grade: "good", fact: `${address} is free` };
}

async function checkNats(): Promise<Finding> {
  const name = "nats-server";
  const found = await findNatsServer();
  if (found !== undefined) return { name, grade: "good", fact: `${found.version} at ${found.path}` };
  const remedy =
    process.platform === "darwin"
      ? "for events: brew install nats-server"
      : "for events: apt-get install nats-server, or take it from https://nats.io/download";
  return { name, grade: "poor", fact: "not found; serving works without events", remedy };
}

async function checkPip(): Promise<Finding> {
  const name = "pip";
  for (const program of ["pip3", "pip"]) {
    try {
      const { stdout } = await promisify(execFile)(program, ["--version"], { timeout: 20_000 });
      return { name, grade: "good", fact: stdout.trim().split(" ").slice(0, 2).join(" ") };
    } catch {
      // Tried next, and reported below when none works.
    }
  }
  const remedy = "only for the default model where huggingface.co cannot be reached: install Python with pip";
  return { name, grade: "poor", fact: "not found", remedy };
}
