import { expect, test } from "vitest";
import { withLibrary } from "./probe-device.js";

test("a library that only the loader names is told", () => {
  const said =
    "[E:onnxruntime] Failed to load library libonnxruntime_providers_cuda.so with error: libcublasLt.so.13: cannot open shared object file: No such file or directory\n";
  expect(withLibrary("Failed to load shared library", said)).toBe(
    "Failed to load shared library: libcublasLt.so.13 is not found",
  );
  expect(withLibrary("Failed to load shared library", "nothing of use")).toBe(
    "Failed to load shared library",
  );
});
