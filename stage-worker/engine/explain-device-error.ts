import { StagecoachError } from "../../common/errors.js";
import type { Device } from "./device.js";
import { deviceFailureOf, deviceLost, wordsOfFailure } from "./device-failure.js";

/** Words of ONNX Runtime's that do not say what is wrong, with what is and the way out. */
const explanations: readonly { device: Device | "any"; words: RegExp; meaning: string }[] = [
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
    device: "cuda",
    words: /CUDA failure 100: |no CUDA-capable device/,
    meaning:
      "CUDA finds no GPU, though NVIDIA's driver may list one: look whether CUDA_VISIBLE_DEVICES hides it, or whether the container was started without GPUs",
  },
  {
    device: "cuda",
    words: /CUDA failure 35: |driver version is insufficient/,
    meaning: "NVIDIA's driver is too old for CUDA 13: install version 580 or a newer one",
  },
  {
    device: "cuda",
    words: /CUDA failure (46|201|216): |busy or unavailable/,
    meaning:
      "the GPU lets no more processes in: end the one that has it, or allow several by `nvidia-smi --compute-mode=DEFAULT`",
  },
  {
    device: "cuda",
    words: /CUDA failure (209|222): |no kernel image/,
    meaning:
      "the CUDA provider has no code for a GPU as old, or as new, as this one: take --device webgpu or cpu",
  },
  {
    device: "cuda",
    words: /CUDA failure (3|802|803|804|999): /,
    meaning:
      "CUDA cannot start: `nvidia-smi` tells whether driver and libraries are of one version (restart the machine after an update) and whether the fabric manager runs, which machines with NVSwitch need",
  },
  {
    device: "cuda",
    words: /CUBLAS failure 1: |CUBLAS_STATUS_NOT_INITIALIZED/,
    meaning:
      "cuBLAS cannot start: the GPU's memory is full, or libcublas is of another version than CUDA 13; `nvidia-smi` tells who has memory",
  },
  {
    device: "webgpu",
    words: /Failed to get a WebGPU adapter/,
    meaning: "WebGPU finds no GPU with float16: install a Vulkan driver for it, or take --device cpu",
  },
  {
    device: "webgpu",
    words: /Failed to get a WebGPU device/,
    meaning: "the GPU's driver refuses WebGPU: update it, or take --device cpu",
  },
  {
    device: "any",
    words:
      /fallback to CPU EP has been explicitly disabled|Could not find an implementation|Failed to find kernel|is not a registered function\/op/,
    meaning: "its provider lacks an operator that this model needs: take --device cpu for it",
  },
];

/** What is wrong when ONNX Runtime says this, and the way out; undefined for what speaks for itself. */
export function meaningOf(device: Device, message: string): string | undefined {
  return explanations.find((each) => isOf(device, each.device) && each.words.test(message))?.meaning;
}

/** What a runner could not be made for, in words of use where ONNX Runtime has none. */
export function explainDeviceError(device: Device, reason: unknown): StagecoachError {
  const error = StagecoachError.from(reason);
  const meaning = meaningOf(device, error.message);
  if (meaning !== undefined) {
    return new StagecoachError("FAILED_PRECONDITION", `--device ${device}: ${meaning}`, { cause: reason });
  }
  // What has an explanation of its own is none of ONNX Runtime's.
  if (!isOf(device, "any") || (error.code !== "DATA_LOSS" && error.code !== "UNKNOWN")) return error;
  const failure = deviceFailureOf(error);
  if (failure === "lost")
    return deviceLost(`--device ${device} is lost: ${wordsOfFailure(error.message)}`, reason);
  if (failure === undefined) return error;
  return new StagecoachError(
    "RESOURCE_EXHAUSTED",
    `--device ${device}: its memory is full (${wordsOfFailure(error.message)}): end what else uses it, or give this worker fewer layers`,
    { cause: reason },
  );
}

function isOf(device: Device, wanted: Device | "any"): boolean {
  return wanted === "any" ? device === "cuda" || device === "webgpu" : device === wanted;
}
