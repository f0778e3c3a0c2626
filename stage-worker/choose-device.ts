import { StagecoachError } from "../common/errors.js";
import { type CudaFacts, cudaFacts, cudaProblem } from "./cuda/cuda-facts.js";
import { type NamedDevice, parseDevice } from "./device-name.js";
import { probeWebgpu } from "./engine/paged/probe-webgpu.js";

/** A device and, where it was not named, why it was taken. */
export interface ChosenDevice extends NamedDevice {
  readonly reason?: string;
}

/** What is looked at; a seam for tests. */
export interface DeviceLooks {
  cuda(): Promise<CudaFacts>;
  /** Why WebGPU does not compute here; undefined where it does. */
  webgpu(): Promise<string | undefined>;
}

/** The machine itself. */
export const realLooks: DeviceLooks = { cuda: cudaFacts, webgpu: probeWebgpu };

/**
 * The device that a worker computes on: the one that is named, or for `auto` an NVIDIA GPU where everything that it
 * needs is here, otherwise the CPU. WebGPU is taken when it is named, for it may be software.
 * @throws StagecoachError INVALID_ARGUMENT for a name of nothing, FAILED_PRECONDITION with the way out for a device
 * that cannot compute here: nothing else is taken in its place
 */
export async function chooseDevice(name: string, looks: DeviceLooks = realLooks): Promise<ChosenDevice> {
  if (name === "auto") return autoDevice(await looks.cuda());
  const named = parseDevice(name);
  const problem = await problemOf(named, looks);
  if (problem === undefined) return named;
  throw new StagecoachError("FAILED_PRECONDITION", `--device ${name}: ${problem}, or take --device cpu`);
}

function autoDevice(facts: CudaFacts): ChosenDevice {
  const [gpu] = facts.gpus.gpus;
  if (gpu === undefined) return { device: "cpu", reason: "computes on the CPU: no NVIDIA GPU is here" };
  const problem = cudaProblem(facts);
  if (problem === undefined) {
    return { device: "cuda", deviceIndex: gpu.index, reason: `computes on cuda:${gpu.index}, ${gpu.name}` };
  }
  return { device: "cpu", reason: `computes on the CPU, though ${gpu.name} is here: ${problem}` };
}

async function problemOf(
  { device, deviceIndex = 0 }: NamedDevice,
  looks: DeviceLooks,
): Promise<string | undefined> {
  if (device === "cuda") return cudaProblem(await looks.cuda(), deviceIndex);
  if (device !== "webgpu") return undefined;
  const reason = await looks.webgpu();
  return reason && `WebGPU finds no GPU with float16 (${reason}): install a Vulkan driver for it`;
}
