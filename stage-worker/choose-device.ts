import { StagecoachError } from "../common/errors.js";
import { type CudaFacts, cudaFacts, cudaProblem } from "./cuda/cuda-facts.js";
import { cudaTrialProblem } from "./cuda/try-cuda.js";
import { type NamedDevice, parseDevice } from "./device-name.js";
import { type ChosenWebGpu, chooseWebgpu, type WebGpuLooks } from "./webgpu/choose-adapter.js";
import { tryWebgpu, webgpuAdapters } from "./webgpu/webgpu-adapters.js";

/** A device and, where it was not named or only in part, why it was taken or what it is. */
export type ChosenDevice = ChosenWebGpu;

/** What is looked at; a seam for tests. */
export interface DeviceLooks extends WebGpuLooks {
  cuda(): Promise<CudaFacts>;
  /** Why CUDA does not compute on a GPU where nothing is missing, and the way out; undefined where it does. */
  tryCuda?(deviceIndex: number): Promise<string | undefined>;
}

/** The machine itself. */
export const realLooks: DeviceLooks = {
  platform: process.platform,
  cuda: cudaFacts,
  tryCuda: cudaTrialProblem,
  webgpu: tryWebgpu,
  webgpuAdapters,
};

/**
 * The device that a worker computes on: the one that is named, or for `auto` the first NVIDIA GPU that computes when it
 * is tried, otherwise the CPU. WebGPU is taken when it is named, for it may be software.
 * @throws StagecoachError INVALID_ARGUMENT for a name of nothing, FAILED_PRECONDITION with the way out for a device
 * that cannot compute here: nothing else is taken in its place
 */
export async function chooseDevice(name: string, looks: DeviceLooks = realLooks): Promise<ChosenDevice> {
  if (name === "auto") return await autoDevice(looks);
  const named = parseDevice(name);
  if (named.device === "webgpu") return await chooseWebgpu(named, looks);
  const problem = await problemOf(named, looks);
  if (problem === undefined) return named;
  throw new StagecoachError("FAILED_PRECONDITION", `--device ${name}: ${problem}, or take --device cpu`);
}

async function autoDevice(looks: DeviceLooks): Promise<ChosenDevice> {
  const facts = await looks.cuda();
  const { gpus } = facts.gpus;
  const [first] = gpus;
  if (first === undefined) return { device: "cpu", reason: "computes on the CPU: no NVIDIA GPU is here" };
  const problems = [cudaProblem(facts)].filter((problem) => problem !== undefined);
  for (const { index, name } of problems.length === 0 ? gpus : []) {
    const problem = await looks.tryCuda?.(index);
    if (problem === undefined) {
      const instead = problems.length === 0 ? "" : `, for ${problems.join("; ")}`;
      return { device: "cuda", deviceIndex: index, reason: `computes on cuda:${index}, ${name}${instead}` };
    }
    problems.push(problem);
  }
  return {
    device: "cpu",
    reason: `computes on the CPU, though ${first.name} is here: ${problems.join("; ")}`,
  };
}

async function problemOf(
  { device, deviceIndex = 0 }: NamedDevice,
  looks: DeviceLooks,
): Promise<string | undefined> {
  if (device !== "cuda") return undefined;
  return cudaProblem(await looks.cuda(), deviceIndex) ?? (await looks.tryCuda?.(deviceIndex));
}
