import { StagecoachError } from "../../common/errors.js";
import { deviceFailureOf } from "../engine/device-failure.js";
import { meaningOf } from "../engine/explain-device-error.js";
import { probeDevice } from "../engine/paged/probe-device.js";
import { describeHolders, type GpuMemory, gpuMemory } from "./gpu-memory.js";

/** What is asked; a seam for tests. */
export interface CudaTrial {
  /** Why the provider does not compute on a GPU, in its words. */
  probe(deviceIndex: number): Promise<string | undefined>;
  memory(deviceIndex: number): Promise<GpuMemory>;
}

const realTrial: CudaTrial = {
  probe: (deviceId) => probeDevice({ name: "cuda", deviceId }),
  memory: gpuMemory,
};

/**
 * Why CUDA does not compute on a GPU, by computing something there in another process, and the way out; undefined where
 * it does. Takes seconds, and half a gigabyte of the GPU's memory meanwhile.
 */
export async function cudaTrialProblem(
  deviceIndex: number,
  trial: CudaTrial = realTrial,
): Promise<string | undefined> {
  const said = await trial.probe(deviceIndex);
  if (said === undefined) return undefined;
  const name = `cuda:${deviceIndex}`;
  const meaning = meaningOf("cuda", said);
  const library = /(\S+) is not found$/.exec(said)?.[1];
  const problem = meaning ?? problemOf(said, name);
  return `${library === undefined ? "" : `${library} is not found; `}${problem}${await holdersOf(deviceIndex, trial)}`;
}

function problemOf(said: string, name: string): string {
  if (deviceFailureOf(said) === "memory") return `the memory of ${name} is full: end what has it`;
  return `${name} does not compute (${said})`;
}

/** Who has memory there; where the driver does not tell, the problem stands without. */
async function holdersOf(deviceIndex: number, { memory }: CudaTrial): Promise<string> {
  try {
    const { others } = await memory(deviceIndex);
    return others.length > 0 ? `; ${describeHolders(others)}` : "";
  } catch (reason) {
    return `; ${StagecoachError.from(reason).message}`;
  }
}
