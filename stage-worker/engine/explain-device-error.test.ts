import { expect, test } from "vitest";
import { StagecoachError } from "../../common/errors.js";
import { explainDeviceError } from "./explain-device-error.js";

test.each([
  [
    "cuda",
    "OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library",
    "stagecoach install cuda",
  ],
  ["cuda", "CUDA failure 101: invalid device ordinal ; GPU=7", "no GPU of this number"],
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
