import { StagecoachError } from "../../common/errors.js";
import type { Device } from "./device.js";

/** Words of ONNX Runtime's that do not say what is wrong, with what is and the way out. */
const explanations: readonly { device: Device; words: RegExp; meaning: string }[] = [
  {
    device: "cuda",
    words: /Failed to load shared library/,
    meaning:
      "the CUDA provider or a library that it needs cannot be loaded: `stagecoach doctor` names what is missing, `stagecoach install cuda` fetches the provider",
  },
  {
    device: "cuda",
    words: /invalid device ordinal/,
    meaning: "there is no GPU of this number: `stagecoach doctor` lists them",
  },
  {
    device: "webgpu",
    words: /Failed to get a WebGPU adapter/,
    meaning: "WebGPU finds no GPU with float16: install a Vulkan driver for it, or take --device cpu",
  },
];

/** What a runner could not be made for, in words of use where ONNX Runtime has none. */
export function explainDeviceError(device: Device, reason: unknown): StagecoachError {
  const error = StagecoachError.from(reason);
  const known = explanations.find((each) => each.device === device && each.words.test(error.message));
  if (known === undefined) return error;
  return new StagecoachError("FAILED_PRECONDITION", `--device ${device}: ${known.meaning}`, {
    cause: reason,
  });
}
