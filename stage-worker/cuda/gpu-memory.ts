import { basename } from "node:path";
import { StagecoachError } from "../../common/errors.js";
import { formatBytes } from "../../model/store/format-bytes.js";
import { askDriver } from "./ask-driver.js";

/** A process that has memory on a GPU. */
export interface GpuHolder {
  readonly processId: number;
  readonly name: string;
  /** Absent where the driver does not tell. */
  readonly bytes?: number;
}

/** Memory of a GPU at a moment. */
export interface GpuMemory {
  readonly totalBytes: number;
  readonly freeBytes: number;
  /** Of this process; absent where the driver does not tell, or knows the process by another number. */
  readonly ownBytes?: number;
  /** All others that the driver names. */
  readonly others: readonly GpuHolder[];
}

const mebibyte = 1_048_576;
const format = "--format=csv,noheader,nounits";

/**
 * Asks NVIDIA's driver; see `askDriver`.
 * @throws StagecoachError FAILED_PRECONDITION when it cannot be asked, or does not say
 */
export async function gpuMemory(deviceIndex: number): Promise<GpuMemory> {
  const ask = (question: string): Promise<string> => askDriver(["-i", String(deviceIndex), question, format]);
  try {
    const [memory, holders] = await Promise.all([
      ask("--query-gpu=memory.total,memory.free"),
      ask("--query-compute-apps=pid,used_memory,process_name"),
    ]);
    return parseMemory(memory, holders, process.pid);
  } catch (cause) {
    const { message } = StagecoachError.from(cause);
    throw new StagecoachError(
      "FAILED_PRECONDITION",
      `cannot tell how much memory of cuda:${deviceIndex} is free: ${message}`,
      { cause },
    );
  }
}

/**
 * `143771, 142000` and lines of `1234, 500, /usr/bin/python3`, memory in MiB.
 * @throws StagecoachError INTERNAL when the first is something else
 */
export function parseMemory(memory: string, holders: string, processId: number): GpuMemory {
  const [total = Number.NaN, free = Number.NaN] = memory.split(",").map(Number);
  if (!(total > 0 && free >= 0)) {
    throw new StagecoachError("INTERNAL", `nvidia-smi says ${JSON.stringify(memory.trim())}`);
  }
  const listed = holders.split("\n").flatMap((line) => holderIn(line) ?? []);
  const ownBytes = listed.find((holder) => holder.processId === processId)?.bytes;
  return {
    totalBytes: total * mebibyte,
    freeBytes: free * mebibyte,
    ...(ownBytes !== undefined && { ownBytes }),
    others: listed.filter((holder) => holder.processId !== processId),
  };
}

/** For errors: `process 12 (python3) holds 3.0 GiB`; empty for nobody. */
export function describeHolders(holders: readonly GpuHolder[]): string {
  return holders
    .map(({ processId, name, bytes }) => {
      const amount = bytes === undefined ? "memory" : formatBytes(bytes);
      return `process ${processId} (${basename(name)}) holds ${amount}`;
    })
    .join(", ");
}

/** Undefined for a line that is none: a heading, or words for an empty list. */
function holderIn(line: string): GpuHolder | undefined {
  const [processId, used, ...name] = line.split(",").map((field) => field.trim());
  if (!/^\d+$/.test(processId ?? "")) return undefined;
  const bytes = Number(used) * mebibyte;
  return {
    processId: Number(processId),
    name: name.join(", "),
    ...(Number.isFinite(bytes) && { bytes }),
  };
}
