import { type DrmCard, drmCards } from "../drm-cards.js";
import { type DeviceTrial, tryDevice } from "../engine/paged/probe-device.js";
import { readVulkanLog, type VulkanLog } from "./vulkan-log.js";

/** Variables that a process has to have before it loads Vulkan. */
export type VulkanEnvironment = Readonly<Record<string, string>>;

/** A GPU that WebGPU can be told to take. */
export interface WebGpuAdapter {
  /** As its driver calls it. */
  readonly name: string;
  /** With these it is the one that is taken; none where it is the only one. */
  readonly environment: VulkanEnvironment;
  /** Why it does not compute; absent where it does. */
  readonly problem?: string;
}

/** What became of letting WebGPU compute here. */
export interface WebGpuTrial {
  /** Why it does not; absent where it does. */
  readonly problem?: string;
  /** The name of the GPU that it took; absent where nobody tells, which is everywhere but on Linux. */
  readonly adapter?: string;
}

/** The GPUs of a machine as WebGPU sees them. */
export interface WebGpuListing extends Pick<WebGpuTrial, "problem"> {
  /** Those that it can be told to take, first the one that it takes by itself. */
  readonly adapters: readonly WebGpuAdapter[];
}

/** What is looked at; a seam for tests. */
export interface AdapterLooks {
  /** Has WebGPU compute something in a process with these variables beside this one's, with the loader's messages. */
  attempt(environment: VulkanEnvironment): Promise<DeviceTrial>;
  readonly cards: readonly Pick<DrmCard, "vendor" | "id">[];
}

/** Takes no part in what is chosen. */
const talkative = { VK_LOADER_DEBUG: "all" } as const;

function realLooks(): AdapterLooks {
  return {
    attempt: (environment) => tryDevice("webgpu", { ...talkative, ...environment }),
    cards: drmCards(),
  };
}

/** Lets WebGPU compute on the GPU that it takes by itself. */
export async function tryWebgpu(looks: AdapterLooks = realLooks()): Promise<WebGpuTrial> {
  const { problem, said } = await looks.attempt({});
  const { taken } = readVulkanLog(said);
  return { ...(problem !== undefined && { problem }), ...(taken !== undefined && { adapter: taken }) };
}

/**
 * The GPUs that WebGPU can be told to take; none where that cannot be told, as anywhere but on Linux. ONNX Runtime's
 * binding passes on nothing of which adapter Dawn should ask for. So the Vulkan loader is shown one driver alone, and
 * of a driver's several cards it puts one before the others, by vendor and model; Mesa's layer, where it is installed,
 * hides the others. Each way is tried, and what was taken is what counts.
 */
export async function webgpuAdapters(looks: AdapterLooks = realLooks()): Promise<WebGpuListing> {
  const own = await attempt(looks, {});
  const adapters = await adaptersBeside(own, looks);
  return { adapters, ...(own.problem !== undefined && { problem: own.problem }) };
}

async function adaptersBeside(own: Attempt, looks: AdapterLooks): Promise<WebGpuAdapter[]> {
  const { manifests, devices, taken } = own;
  if (devices.length <= 1) return devices.map((name) => adapterOf(own, {}, name));
  const found = (await Promise.all(manifests.map((manifest) => adaptersOf(looks, manifest)))).flat();
  return found.toSorted((a, b) => Number(b.name === taken) - Number(a.name === taken));
}

type Attempt = VulkanLog & Pick<WebGpuTrial, "problem">;

async function attempt(looks: AdapterLooks, environment: VulkanEnvironment): Promise<Attempt> {
  const { problem, said } = await looks.attempt(environment);
  return { ...readVulkanLog(said), ...(problem !== undefined && { problem }) };
}

async function adaptersOf(looks: AdapterLooks, manifest: string): Promise<WebGpuAdapter[]> {
  // Loaders before 1.3.207 know the second name only.
  const alone = { VK_DRIVER_FILES: manifest, VK_ICD_FILENAMES: manifest };
  const first = await attempt(looks, alone);
  const [name, ...others] = first.devices;
  if (name === undefined) return [];
  if (others.length === 0) return [adapterOf(first, alone, name)];
  const adapters = new Map<string, WebGpuAdapter>();
  for (const environment of [alone, ...cardChoices(looks).map((choice) => ({ ...alone, ...choice }))]) {
    const tried = environment === alone ? first : await attempt(looks, environment);
    // Two cards of one model are one adapter: nothing tells them apart.
    if (tried.taken !== undefined && !adapters.has(tried.taken)) {
      adapters.set(tried.taken, adapterOf(tried, environment, tried.taken));
    }
  }
  return [...adapters.values()];
}

/** Ways to prefer a model of card to others of the same driver. */
function cardChoices({ cards }: AdapterLooks): VulkanEnvironment[] {
  const models = new Set(
    cards.filter(({ vendor, id }) => vendor !== "" && id !== "").map(({ vendor, id }) => `${vendor}:${id}`),
  );
  return [...models].map((model) => ({ VK_LOADER_DEVICE_SELECT: model, MESA_VK_DEVICE_SELECT: `${model}!` }));
}

function adapterOf(
  { problem, taken }: Attempt,
  environment: VulkanEnvironment,
  listed: string,
): WebGpuAdapter {
  return { name: taken ?? listed, environment, ...(problem !== undefined && { problem }) };
}
