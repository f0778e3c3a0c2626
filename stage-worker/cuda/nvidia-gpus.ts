import { StagecoachError } from "../../common/errors.js";
import { askDriver } from "./ask-driver.js";

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

const question = [
  "--query-gpu=index,memory.total,memory.free,driver_version,name",
  "--format=csv,noheader,nounits",
];

/** Asks the driver; see `askDriver`. */
export async function nvidiaGpus(): Promise<NvidiaGpus> {
  try {
    return parseGpus(await askDriver(question));
  } catch (reason) {
    return { gpus: [], reason: StagecoachError.from(reason).message };
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
