import { execFile, execFileSync } from "node:child_process";
import { promisify } from "node:util";
import { StagecoachError } from "../../common/errors.js";

/** A GPU as NVIDIA's driver lists it. */
export interface NvidiaGpu {
  readonly index: number;
  readonly name: string;
  readonly totalBytes: number;
  readonly freeBytes: number;
  readonly driver: string;
}

/** The GPUs, or why there are none to be listed. */
export type NvidiaGpus =
  | { readonly gpus: readonly NvidiaGpu[]; readonly reason?: undefined }
  | { readonly gpus: readonly []; readonly reason: string };

const mebibyte = 1_048_576;
const timeoutMs = 10_000;

const question = [
  "--query-gpu=index,memory.total,memory.free,driver_version,name",
  "--format=csv,noheader,nounits",
];

/** Asks the driver by its own tool, which is there wherever the driver is. */
export async function nvidiaGpus(): Promise<NvidiaGpus> {
  try {
    const { stdout } = await promisify(execFile)("nvidia-smi", question, { timeout: timeoutMs });
    return parseGpus(stdout);
  } catch (cause) {
    return noGpus(cause);
  }
}

/** As `nvidiaGpus`, for those who cannot wait; it takes some tenths of a second. */
export function nvidiaGpusNow(): NvidiaGpus {
  try {
    const text = execFileSync("nvidia-smi", question, {
      encoding: "utf8",
      timeout: timeoutMs,
      stdio: ["ignore", "pipe", "pipe"],
    });
    return parseGpus(text);
  } catch (cause) {
    return noGpus(cause);
  }
}

/** Lines of `0, 143771, 142000, 580.65, NVIDIA H200`, memory in MiB. */
export function parseGpus(text: string): NvidiaGpus {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const gpus = lines.map((line) => {
    const [index, total, free, driver = "", ...name] = line.split(",").map((field) => field.trim());
    const [totalBytes, freeBytes] = [Number(total) * mebibyte, Number(free) * mebibyte];
    return { index: Number(index), name: name.join(", "), totalBytes, freeBytes, driver };
  });
  const strange = gpus.findIndex(
    ({ index, totalBytes, freeBytes }) => !(index >= 0 && totalBytes > 0 && freeBytes >= 0),
  );
  if (strange >= 0) return { gpus: [], reason: `nvidia-smi says ${JSON.stringify(lines[strange])}` };
  return gpus.length > 0 ? { gpus } : { gpus: [], reason: "NVIDIA's driver lists no GPU" };
}

function noGpus(cause: unknown): NvidiaGpus {
  const { code, message } = StagecoachError.from(cause);
  const reason =
    code === "NOT_FOUND" ? "NVIDIA's driver is not here (no nvidia-smi)" : lastLine(cause, message);
  return { gpus: [], reason };
}

/** A failing nvidia-smi says why on stdout. */
function lastLine(cause: unknown, message: string): string {
  const { stdout = "" } = cause as { stdout?: string };
  return `nvidia-smi fails: ${stdout.trim().split("\n").at(-1) || message.trim().split("\n").at(-1)}`;
}
