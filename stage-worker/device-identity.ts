import { hostname, release } from "node:os";
import { askDriver } from "./cuda/ask-driver.js";
import { type NvidiaGpus, nvidiaGpus } from "./cuda/nvidia-gpus.js";
import type { NamedDevice } from "./device-name.js";
import { drmCards } from "./drm-cards.js";

/** Which piece of hardware computes. */
export interface DeviceIdentity {
  /** The same for all workers that compute on it, and no others; empty where they have processors of their own. */
  readonly id: string;
  /** What is known of it and its driver: times of other ones are others. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/** What is looked at; a seam for tests. */
export interface IdentityLooks {
  readonly host: string;
  gpus(): Promise<NvidiaGpus>;
  /** The driver's own name of a GPU, `GPU-...`, by its number or a name; undefined where it does not tell. */
  uuid(gpu: string): Promise<string | undefined>;
  /** `CUDA_VISIBLE_DEVICES`: the GPUs that CUDA counts, where it does not count all. */
  readonly visible: string | undefined;
  /** Of WebGPU's drivers: whatever changes when they do. */
  webgpuDrivers(): Promise<Readonly<Record<string, unknown>>>;
}

const realLooks: IdentityLooks = {
  host: hostname(),
  gpus: nvidiaGpus,
  uuid: nvidiaUuid,
  // biome-ignore lint/style/noProcessEnv: CUDA reads it, too.
  visible: process.env["CUDA_VISIBLE_DEVICES"],
  webgpuDrivers: async () => ({
    kernel: release(),
    cards: drmCards().map(({ vendor, id }) => `${vendor} ${id}`),
  }),
};

/**
 * Who computes. Workers on WebGPU of one machine are taken to share a GPU where it is not told which one each gets, or
 * where theirs have one name.
 */
export async function deviceIdentity(
  { device, deviceIndex = 0, adapter }: NamedDevice,
  looks: IdentityLooks = realLooks,
): Promise<DeviceIdentity> {
  if (device !== "cuda" && device !== "webgpu") return { id: "", facts: {} };
  const { gpus } = await looks.gpus();
  const named = gpus.map(({ index, name, driver }) => ({ index, name, driver }));
  if (device === "webgpu") {
    const id = ["webgpu", ...(adapter === undefined ? [] : [adapter])].join(" ");
    const facts = {
      gpus: named,
      ...(adapter !== undefined && { adapter }),
      ...(await looks.webgpuDrivers()),
    };
    return { id: `${looks.host} ${id}`, facts };
  }
  const gpu = looks.visible?.split(",")[deviceIndex]?.trim() || String(deviceIndex);
  const uuid = await looks.uuid(gpu);
  // Containers have host names of their own, and may share a GPU.
  const id = uuid ?? `${looks.host} cuda:${gpu}`;
  return { id, facts: { id, ...named.find(({ index }) => String(index) === gpu) } };
}

async function nvidiaUuid(gpu: string): Promise<string | undefined> {
  try {
    const question = [`--id=${gpu}`, "--query-gpu=uuid", "--format=csv,noheader"];
    const text = (await askDriver(question)).trim();
    return /^GPU-[0-9a-f-]+$/.test(text) ? text : undefined;
  } catch {
    // Without the tool there is no name to be had, and the host's stands in for it.
    return undefined;
  }
}
