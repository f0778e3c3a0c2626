import { StagecoachError } from "../common/errors.js";
import type { Device } from "./engine/device.js";

/** A device as a worker is told it. */
export interface NamedDevice {
  readonly device: Device;
  /** Which of several GPUs. */
  readonly deviceIndex?: number;
  /** Of WebGPU: the GPU's name or, as it was asked for, a part of it. */
  readonly adapter?: string;
}

/**
 * Reads `cpu`, `cuda`, `cuda:1`, `webgpu`, `webgpu:1`, `webgpu:radeon`, `simulated`.
 * @throws StagecoachError INVALID_ARGUMENT for anything else
 */
export function parseDevice(text: string): NamedDevice {
  const [, device, index] = /^(cpu|cuda|webgpu|simulated)(?::(\d+))?$/.exec(text) ?? [];
  const [, adapter] = /^webgpu:([A-Za-z][\w.-]*)$/.exec(text) ?? [];
  if (adapter !== undefined) return { device: "webgpu", adapter };
  if (device === undefined || (index !== undefined && device !== "cuda" && device !== "webgpu")) {
    throw new StagecoachError(
      "INVALID_ARGUMENT",
      `there is no device ${JSON.stringify(text)}: take cpu, cuda, cuda:N, webgpu, webgpu:N, webgpu:NAME or simulated`,
    );
  }
  return { device: device as Device, ...(index !== undefined && { deviceIndex: Number(index) }) };
}

/** The other way round, for people; GPUs by number. */
export function deviceName({ device, deviceIndex }: NamedDevice): string {
  if (device === "webgpu" && deviceIndex !== undefined) return `webgpu:${deviceIndex}`;
  return device === "cuda" ? `cuda:${deviceIndex ?? 0}` : device;
}
