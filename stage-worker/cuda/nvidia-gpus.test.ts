import { expect, test } from "vitest";
import { parseGpus } from "./nvidia-gpus.js";

test("a line a GPU, memory in MiB", () => {
  expect(parseGpus("0, 143771, 142000, 580.65, NVIDIA H200\n1, 8192, 1, 580.65, NVIDIA A, B\n")).toEqual({
    gpus: [
      {
        index: 0,
        name: "NVIDIA H200",
        totalBytes: 143_771 * 2 ** 20,
        freeBytes: 142_000 * 2 ** 20,
        driver: "580.65",
      },
      { index: 1, name: "NVIDIA A, B", totalBytes: 2 ** 33, freeBytes: 2 ** 20, driver: "580.65" },
    ],
  });
});

test("what is no list of GPUs is told", () => {
  expect(parseGpus("").reason).toBe("NVIDIA's driver lists no GPU");
  expect(parseGpus("No devices were found\n").reason).toBe('nvidia-smi says "No devices were found"');
  expect(parseGpus("0, [N/A], [N/A], 580.65, NVIDIA GB10\n").reason).toContain("[N/A]");
});
