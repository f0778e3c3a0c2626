import { expect, test } from "vitest";
import { parseSample, useOf } from "./gpu-sampler.js";

test("a line of nvidia-smi has its own time", () => {
  expect(parseSample("2026/05/01 12:34:56.789, 97, 512.50, 1000", 7)).toEqual({
    atUnixMs: new Date(2026, 4, 1, 12, 34, 56, 789).getTime(),
    busyShare: 0.97,
    powerWatts: 512.5,
    memoryUsedBytes: 1_048_576_000,
  });
});

test("what a card does not tell is not made up", () => {
  expect(parseSample("?, 3, [N/A], 1", 7)).toMatchObject({ atUnixMs: 7, powerWatts: Number.NaN });
  expect(parseSample("NVIDIA-SMI has failed", 7)).toBeUndefined();
});

test("means, and the most memory", () => {
  const sample = { atUnixMs: 0, busyShare: 0.5, powerWatts: 100, memoryUsedBytes: 9 };
  expect(useOf([sample, { ...sample, busyShare: 1, powerWatts: 300, memoryUsedBytes: 5 }])).toEqual({
    busyShare: 0.75,
    powerWatts: 200,
    memoryUsedBytes: 9,
    samples: 2,
  });
  expect(useOf([])).toBeUndefined();
});
