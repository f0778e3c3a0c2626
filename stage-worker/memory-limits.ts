import { deviceMemory } from "./device-memory.js";
import { deviceName, type NamedDevice } from "./device-name.js";

/** What workers take of the memory that is free. */
export const freeShare = 0.9;

/**
 * What each of several workers may take of memory that others of them take from, too; undefined for one that has its
 * memory to itself. It is settled before any of them loads, since each would find what others took, or not yet took,
 * in the memory that is free.
 * @throws StagecoachError as `deviceMemory`
 */
export async function memoryLimits(
  devices: readonly NamedDevice[],
  freeBytesOf: (device: NamedDevice) => Promise<number> = async (device) =>
    (await deviceMemory(device)).freeBytes,
): Promise<(number | undefined)[]> {
  const memories = devices.map(memoryOf);
  const limits = devices.map(async (device, index) => {
    const memory = memories[index];
    const sharers = memories.filter((other) => other === memory).length;
    if (memory === undefined || sharers === 1) return undefined;
    return Math.floor(((await freeBytesOf(device)) * freeShare) / sharers);
  });
  return await Promise.all(limits);
}

/** The memory that a device takes from. Nobody tells what a GPU behind WebGPU has, and many have the machine's. */
function memoryOf(device: NamedDevice): string | undefined {
  if (device.device === "simulated") return undefined;
  return device.device === "cuda" ? deviceName(device) : "the machine's";
}
