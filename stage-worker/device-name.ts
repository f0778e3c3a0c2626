import { StagecoachError } from "../common/errors.js";
import type { Device } from "./engine/device.js";

/** A device as a worker is told it. */
export interface NamedDevice {
  readonly device: Device;
  /** Which of several GPUs. */
  readonly deviceIndex?: number;
}

/**
 * Reads `cpu`, `cuda`, `cuda:1`, `webgpu`, `simulated`.
 * @throws StagecoachError INVALID_ARGUMENT for anything else
 */
export function parseDevice(text: string): NamedDevice {
  const [, device, index] = /^(cpu|cuda|webgpu|simulated)(?::(\d+))?$/.exec(text) ?? [];
  if (device === undefined || (index !== undefined && device !== "cuda")) {
    throw new StagecoachError(
      "INVALID_ARGUMENT",
      `there is no device ${JSON.stringify(text)}: take cpu, cuda, cuda:N, webgpu or simulated`,
    );
  }
  return { device: device as Device, ...(index !== undefined && { deviceIndex: Number(index) }) };
}

/** The other way round, for people. */
export function deviceName({ device, deviceIndex }: NamedDevice): string {
  return device === "cuda" ? `cuda:${deviceIndex ?? 0}` : device;
}
