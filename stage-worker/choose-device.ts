import { StagecoachError } from "../common/errors.js";
import { type CudaFacts, cudaFacts, cudaProblem } from "./cuda/cuda-facts.js";
import { cudaTrialProblem } from "./cuda/try-cuda.js";
import { type NamedDevice, parseDevice } from "./device-name.js";
import { probeWebgpu } from "./engine/paged/probe-device.js";

/** A device and, where it was not named, why it was taken. */
export interface ChosenDevice extends NamedDevice {
  readonly reason?: string;
}

/** What is looked at; a seam for tests. */
export interface DeviceLooks {
  cuda(): Promise<CudaFacts>;
  /** Why CUDA does not compute on a GPU where nothing is missing, and the way out; undefined where it does. */
  tryCuda?(deviceIndex: number): Promise<string | undefined>;
  /** Why WebGPU does not compute here; undefined where it does. */
  webgpu(): Promise<string | undefined>;
}

/** The machine itself. */
export const realLooks: DeviceLooks = { cuda: cudaFacts, tryCuda: cudaTrialProblem, webgpu: probeWebgpu };

/**
 * The device that a worker computes on: the one that is named, or for `auto` the first NVIDIA GPU that computes when it
 * is tried, otherwise the CPU. WebGPU is taken when it is named, for it may be software.
 * @throws StagecoachError INVALID_ARGUMENT for a name of nothing, FAILED_PRECONDITION with the way out for a device
 * that cannot compute here: nothing else is taken in its place
 */
export async function chooseDevice(name: string, looks: DeviceLooks = realLooks): Promise<ChosenDevice> {
  if (name === "auto") return await autoDevice(looks);
  const named = parseDevice(name);
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
  if (device === "cuda") {
    return cudaProblem(await looks.cuda(), deviceIndex) ?? (await looks.tryCuda?.(deviceIndex));
  }
  if (device !== "webgpu") return undefined;
  const reason = await looks.webgpu();
  return reason && `WebGPU finds no GPU with float16 (${reason}): install a Vulkan driver for it`;
}
