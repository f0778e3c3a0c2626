import { StagecoachError } from "../../common/errors.js";
import type { NamedDevice } from "../device-name.js";
import type { VulkanEnvironment, WebGpuAdapter, WebGpuListing, WebGpuTrial } from "./webgpu-adapters.js";

/** WebGPU on a GPU of this machine. */
export interface ChosenWebGpu extends NamedDevice {
  /** Says which GPU it is, where that is known. */
  readonly reason?: string;
  /** What a process that is to take it needs; see `takeAdapter`. */
  readonly environment?: VulkanEnvironment;
}

/** What is looked at; a seam for tests. */
export interface WebGpuLooks {
  readonly platform: string;
  /** What WebGPU computes on by itself. */
  webgpu(): Promise<WebGpuTrial>;
  /** The GPUs that it can be told to take. */
  webgpuAdapters(): Promise<WebGpuListing>;
}

/**
 * The GPU that WebGPU takes by itself, or the one of several that is named by its number or by a part of its name.
 * @throws StagecoachError FAILED_PRECONDITION with the way out where that one does not compute, or where there is none,
 * or more than one; nothing else is taken in its place
 */
export async function chooseWebgpu(named: NamedDevice, looks: WebGpuLooks): Promise<ChosenWebGpu> {
  const { deviceIndex, adapter } = named;
  if (deviceIndex === undefined && adapter === undefined) {
    const { problem, adapter: taken } = await looks.webgpu();
    if (problem !== undefined) throw refused(named, noGpu(problem));
    return {
      device: "webgpu",
      ...(taken !== undefined && { adapter: taken, reason: told("webgpu", taken) }),
    };
  }
  const listing = await looks.webgpuAdapters();
  const { adapters } = listing;
  const index = deviceIndex ?? indexOf(named, adapters);
  const found = adapters[index];
  if (found === undefined) throw refused(named, nothingLike(listing, looks));
  if (found.problem !== undefined) {
    throw refused(named, `${found.name} does not compute in float16 (${found.problem})`);
  }
  const { name, environment } = found;
  const device = { device: "webgpu", deviceIndex: index } as const;
  return { ...device, adapter: name, environment, reason: told(`webgpu:${index}`, name) };
}

/** The number of the only adapter whose name has these letters and digits in it, -1 where there is none. */
function indexOf(named: NamedDevice, adapters: readonly WebGpuAdapter[]): number {
  const wanted = lettersOf(named.adapter ?? "");
  const fitting = [...adapters.keys()].filter((index) =>
    lettersOf(adapters[index]?.name ?? "").includes(wanted),
  );
  if (fitting.length > 1) {
    const some = adapters.map(listed).filter((_, index) => fitting.includes(index));
    throw refused(named, `that could be ${some.join(" or ")}: take a number`);
  }
  return fitting[0] ?? -1;
}

function lettersOf(name: string): string {
  return name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
}

function nothingLike({ adapters, problem }: WebGpuListing, { platform }: WebGpuLooks): string {
  if (adapters.length > 0) return `there is no such GPU: take ${adapters.map(listed).join(", ")}`;
  if (problem !== undefined) return noGpu(problem);
  if (platform === "linux") {
    return "the Vulkan loader does not say which GPUs there are: take --device webgpu";
  }
  return `which GPU WebGPU takes can be told on Linux only, on ${platform} the system chooses: take --device webgpu`;
}

function listed({ name }: WebGpuAdapter, index: number): string {
  return `webgpu:${index} (${name})`;
}

function told(device: string, name: string): string {
  return `computes on ${device}, ${name}`;
}

function noGpu(problem: string): string {
  return `WebGPU finds no GPU with float16 (${problem}): install a Vulkan driver for it`;
}

function refused({ deviceIndex, adapter }: NamedDevice, problem: string): StagecoachError {
  const which = deviceIndex ?? adapter;
  const device = which === undefined ? "webgpu" : `webgpu:${which}`;
  return new StagecoachError("FAILED_PRECONDITION", `--device ${device}: ${problem}, or take --device cpu`);
}
