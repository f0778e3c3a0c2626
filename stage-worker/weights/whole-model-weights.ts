import { createLogger } from "../../common/log.js";
import type { Manifest } from "../../model/store/manifest.js";
import type { ModelStore } from "../../model/store/model-store.js";
import { deviceMemory } from "../device-memory.js";
import type { NamedDevice } from "../device-name.js";
import { BlobKeeper } from "../transport/blob-keeper.js";
import type { SequenceDemand, WantedGpuWeights } from "./choose-gpu-weights.js";
import { type ChosenWeights, GpuWeights } from "./gpu-weights.js";

/**
 * A whole model as one stage on a device would hold it, for measurements outside a worker; what is expanded stays in
 * the store.
 * @throws StagecoachError as choosing and expanding weights do
 */
export async function wholeModelWeights(
  store: ModelStore,
  manifest: Manifest,
  device: NamedDevice,
  wanted: WantedGpuWeights,
  demand: SequenceDemand,
): Promise<{ manifest: Manifest; chosen: ChosenWeights }> {
  const log = createLogger({ level: "warn", name: "weights" });
  const blobs = new BlobKeeper(store, log);
  const weights = new GpuWeights({ device: device.device, wanted, store, blobs, log });
  const endLayer = manifest.config.layerCount;
  const part = { manifest, firstLayer: 0, endLayer, embedding: true, head: true };
  const { freeBytes: memoryBytes } = await deviceMemory(device);
  const chosen = weights.choose(part, { ...demand, laneCount: 1, memoryBytes });
  const { signal } = new AbortController();
  return { manifest: await weights.prepare(part, chosen, { signal }), chosen };
}
