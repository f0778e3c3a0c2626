import type { Variant } from "../../model/store/manifest.js";
import { isGpu } from "./is-gpu.js";

/**
 * The variant that `auto` stands for where these devices compute: `f16` with a GPU among them, which multiplies floats
 * fastest, otherwise the fastest that is close enough to the model (`auto` of ensure-model.ts).
 */
export function variantFor(devices: readonly string[]): Variant | "auto" {
  return devices.some(isGpu) ? "f16" : "auto";
}
