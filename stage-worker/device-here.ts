import { chooseDevice, type DeviceLooks, realLooks } from "./choose-device.js";
import { type NamedDevice, parseDevice } from "./device-name.js";
import { takeAdapter } from "./webgpu/take-adapter.js";

/**
 * A named device, for programs that open it in their own process without looking first whether it computes: where one
 * of several GPUs behind WebGPU is named, this process takes that one from now on.
 * @throws StagecoachError INVALID_ARGUMENT for a name of nothing; as `chooseDevice` for a GPU that WebGPU cannot take
 */
export async function deviceHere(name: string, looks: DeviceLooks = realLooks): Promise<NamedDevice> {
  const named = parseDevice(name);
  if (named.device !== "webgpu" || name === "webgpu") return named;
  const { reason: _told, environment = {}, ...device } = await chooseDevice(name, looks);
  takeAdapter({ environment });
  return device;
}
