import { kvForm, kvTokenBytes } from "../../model/graph/kv-form.js";
import type { Manifest } from "../../model/store/manifest.js";
import type { Device } from "./device.js";

/** How a device keeps a model's KV. */
export interface DeviceKv {
  /** Tokens of a block that it wants, a power of two; 0 takes any. */
  readonly blockSize: number;
  /** Of a token in one layer; 0 where nothing is kept. */
  readonly bytesPerTokenLayer: number;
}

/** What a device wants of KV, before anything is opened on it. */
export function deviceKv(device: Device, manifest: Manifest): DeviceKv {
  const { config } = manifest;
  switch (device) {
    case "simulated":
      return { blockSize: 0, bytesPerTokenLayer: 0 };
    case "cpu":
      return { blockSize: 0, bytesPerTokenLayer: kvTokenBytes(config, kvForm(manifest)) };
    case "webgpu":
      return { blockSize: webgpuBlockSize, bytesPerTokenLayer: kvTokenBytes(config, "f16") };
    case "cuda":
      return { blockSize: cudaBlockSize(config.headSize), bytesPerTokenLayer: kvTokenBytes(config, "f16") };
  }
}

/** The least that its attention takes; see webgpu-provider.ts. */
const webgpuBlockSize = 32;

/**
 * Blocks of which its fastest attention reads whole ones; measured with ONNX Runtime 1.30, nine times as fast at long
 * contexts as with 16. Larger heads go another way, for which the size hardly matters.
 */
function cudaBlockSize(headSize: number): number {
  if (headSize <= 64) return 256;
  return headSize <= 128 ? 128 : 16;
}
