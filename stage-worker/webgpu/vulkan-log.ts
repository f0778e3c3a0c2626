/** What the Vulkan loader says while a process takes a GPU (`VK_LOADER_DEBUG=all`); nothing where there is none. */
export interface VulkanLog {
  /** The files that name drivers, in the loader's order. */
  readonly manifests: readonly string[];
  /** Names of all GPUs that drivers have. */
  readonly devices: readonly string[];
  /** The name of the GPU that was taken. */
  readonly taken?: string;
}

/** Reads the messages of the loader, versions 1.3 and later; other lines are passed over. */
export function readVulkanLog(said: string): VulkanLog {
  const manifests = [...said.matchAll(/Found ICD manifest file (.+?), version/g)].map(
    ([, path]) => path ?? "",
  );
  const taken = [...said.matchAll(/Using "(.+)" with driver: "/g)].at(-1)?.[1];
  return {
    manifests: [...new Set(manifests)],
    devices: devicesIn(said),
    ...(taken !== undefined && { taken }),
  };
}

/** The loader lists them whenever it is asked for them; the last time counts. */
function devicesIn(said: string): string[] {
  const [, ...lists] = said.split("Original order:");
  const list = lists.at(-1)?.split("Sorted order:")[0] ?? "";
  return [...list.matchAll(/\[\d+\] +(.+?) *$/gm)].map(([, name]) => name ?? "");
}
