import { StagecoachError } from "../../common/errors.js";
import { chooseDevices } from "../../stage-worker/choose-devices.js";
import { deviceName } from "../../stage-worker/device-name.js";
import type { UpSettings } from "./up-settings.js";

/**
 * The settings with the devices that the workers of `up` compute on, settled once for all of them: one for all, or
 * a list with one for each, which then says how many stages there are. On a GPU, which multiplies floats fastest, the
 * automatic variant is f16.
 * @throws StagecoachError FAILED_PRECONDITION with the way out for a device that cannot compute here,
 * INVALID_ARGUMENT for a list that replicas cannot share evenly
 */
export async function settleDevice(
  values: UpSettings,
  onProgress: (line: string) => void,
  choose: typeof chooseDevices = chooseDevices,
): Promise<UpSettings> {
  const chosen = await choose(values.device);
  for (const { reason } of chosen) if (reason !== undefined) onProgress(reason);
  const onGpu = chosen.some(({ device }) => device === "cuda" || device === "webgpu");
  const variant = onGpu && values.variant === "auto" ? "f16" : values.variant;
  if (variant !== values.variant) {
    onProgress(
      "takes the variant f16, which GPUs multiply fastest; as-is and int4 take less of their memory",
    );
  }
  const stages = isList(values.device) ? stagesOf(values, chosen.length) : values.stages;
  const settled = { ...values, variant, device: chosen.map(deviceName).join(",") };
  return stages === undefined ? settled : { ...settled, stages };
}

function isList(device: string): boolean {
  return device.includes(",") || device.endsWith(":all");
}

/** A list has a device for every stage of every replica. */
function stagesOf({ device, stages, replicas }: UpSettings, devices: number): number {
  const each = devices / replicas;
  if (Number.isInteger(each) && (stages ?? each) === each) return each;
  const misfit =
    stages === undefined
      ? `--replicas ${replicas} share them unevenly`
      : `--stages ${stages} with --replicas ${replicas} want ${stages * replicas}`;
  throw new StagecoachError(
    "INVALID_ARGUMENT",
    `--device ${device} names ${devices} devices, and ${misfit}: name one for each stage, or leave --stages out`,
  );
}
