import { StagecoachError } from "../../common/errors.js";

/** What a device's error means for those who computed: there was no room for it, or the device is of no use any more. */
export type DeviceFailure = "memory" | "lost";

/**
 * ONNX Runtime has no codes for these, only words: of its arena, of CUDA and cuBLAS, of Dawn's buffers and limits. A
 * tensor beyond what WebGPU binds at once is bound in pieces, until a shader has no place for more of them.
 */
const outOfMemory =
  /Failed to allocate memory for requested buffer|BFC Arena ran out of memory|Failed to find a free memory block|CUDA failure 2: |CUDA error cudaErrorMemoryAllocation|CUBLAS failure 3: |CUDNN failure 4: |ALLOC_FAILED|Failed to create GPU buffer|exceeds device limit|Too many storage buffers|out of (device |host )?memory|OUT_OF_(DEVICE_|HOST_)?MEMORY|std::bad_alloc/i;

/**
 * CUDA's sticky errors: whatever this process asks of the GPU afterwards fails, too. In order: the driver unloads, the
 * GPU cannot be had, uncorrectable memory or link, illegal accesses and instructions, time-outs, launches that failed,
 * the operating system, unknown. For WebGPU a result that cannot be fetched is how a lost device shows.
 */
const stickyCudaErrors = [
  4, 46, 214, 219, 220, 226, 304, 700, 702, 709, 710, 714, 715, 716, 717, 718, 719, 999,
];
const lost = new RegExp(
  `CUDA failure (${stickyCudaErrors.join("|")}): |CUBLAS failure 13: |device (is |was |has been )?(lost|removed|destroyed)|\\bis lost\\.|DEVICE_(LOST|REMOVED)|Failed to download data from buffer`,
  "i",
);

/** Which failure of a device an error tells of; undefined for all others. */
export function deviceFailureOf(reason: unknown): DeviceFailure | undefined {
  const { message } = StagecoachError.from(reason);
  if (lost.test(message)) return "lost";
  return outOfMemory.test(message) ? "memory" : undefined;
}

/** What ONNX Runtime says of a device's failure, without the places in its source that it says it from. */
export function wordsOfFailure(message: string): string {
  const told = /((?:CUDA|CUBLAS|CUDNN) failure \d+: [^;]*?) ;/.exec(message)?.[1];
  return (
    told ??
    /(Failed to allocate memory for requested buffer of size \d+)/.exec(message)?.[1] ??
    message.trim()
  );
}

/** The error of a device that this process cannot use any more: the stage dies of it, and so does its worker. */
export function deviceLost(message: string, cause?: unknown): StagecoachError {
  return new StagecoachError("UNAVAILABLE", message, { cause, details: { deviceLost: true } });
}

/** Whether an error, or one underneath, was made by `deviceLost`. */
export function isDeviceLost(reason: unknown): boolean {
  for (let error = reason; error instanceof StagecoachError; error = error.cause) {
    if (error.details["deviceLost"] === true) return true;
  }
  return false;
}
