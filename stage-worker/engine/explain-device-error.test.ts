import { expect, test } from "vitest";
import { StagecoachError } from "../../common/errors.js";
import { isDeviceLost } from "./device-failure.js";
import { explainDeviceError } from "./explain-device-error.js";

test.each([
  [
    "cuda",
    "OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library",
    "stagecoach install cuda",
  ],
  ["cuda", "CUDA failure 101: invalid device ordinal ; GPU=7", "no GPU of this number"],
  [
    "cuda",
    "CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version",
    "driver is too old",
  ],
  ["cuda", "CUDA failure 46: CUDA-capable device(s) is/are busy or unavailable", "lets no more processes in"],
  ["cuda", "CUDA failure 209: no kernel image is available for execution on the device", "no code for a GPU"],
  [
    "cuda",
    "This session contains graph nodes that are assigned to the default CPU EP, but fallback to CPU EP has been explicitly disabled by the user.",
    "lacks an operator that this model needs",
  ],
  ["webgpu", "Could not find an implementation for PagedAttention(1) node", "lacks an operator"],
  ["webgpu", "status == Success was false. Failed to get a WebGPU adapter: No supported adapters", "Vulkan"],
] as const)("%s: %s", (device, words, meaning) => {
  expect(explainDeviceError(device, new StagecoachError("DATA_LOSS", words))).toMatchObject({
    code: "FAILED_PRECONDITION",
    message: expect.stringContaining(meaning),
  });
});

test("other errors stay as they are, and those of other devices", () => {
  const error = new StagecoachError("RESOURCE_EXHAUSTED", "no room");
  expect(explainDeviceError("cuda", error)).toBe(error);
  const strange = new StagecoachError("DATA_LOSS", "Failed to load shared library");
  expect(explainDeviceError("cpu", strange)).toBe(strange);
});

test("full memory and a lost device are told apart", () => {
  const full = new StagecoachError("DATA_LOSS", "cannot open x: CUDA failure 2: out of memory ; GPU=0");
  expect(explainDeviceError("cuda", full)).toMatchObject({
    code: "RESOURCE_EXHAUSTED",
    message: expect.stringContaining("its memory is full"),
  });
  const lost = new StagecoachError("DATA_LOSS", "cannot open x: CUDA failure 700: an illegal memory access");
  expect(isDeviceLost(explainDeviceError("cuda", lost))).toBe(true);
});
