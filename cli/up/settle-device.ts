import { chooseDevice } from "../../stage-worker/choose-device.js";
import { deviceName } from "../../stage-worker/device-name.js";
import type { UpSettings } from "./up-settings.js";

/**
 * The settings with the device that all workers of `up` compute on, settled once for all of them; on a GPU, which
 * multiplies floats fastest, the automatic variant is f16.
 * @throws StagecoachError FAILED_PRECONDITION with the way out for a device that cannot compute here
 */
export async function settleDevice(
  values: UpSettings,
  onProgress: (line: string) => void,
  choose: typeof chooseDevice = chooseDevice,
): Promise<UpSettings> {
  const { reason, ...device } = await choose(values.device);
  if (reason !== undefined) onProgress(reason);
  const onGpu = device.device === "cuda" || device.device === "webgpu";
  const variant = onGpu && values.variant === "auto" ? "f16" : values.variant;
  if (variant !== values.variant) {
    onProgress(
      "takes the variant f16, which GPUs multiply fastest; as-is and int4 take less of their memory",
    );
  }
  return { ...values, variant, device: deviceName(device) };
}
