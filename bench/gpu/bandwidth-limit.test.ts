import { expect, test } from "vitest";
import { bandwidthLimit, cardBandwidth } from "./bandwidth-limit.js";

test("a step reads all weights once and each sequence's KV", () => {
  const sizes = { memoryBytesPerSecond: 1000, weightBytes: 80, kvBytesPerToken: 2, contextTokens: 10 };
  expect(bandwidthLimit(sizes, [1, 16]).steps).toEqual([
    { rows: 1, bytesPerStep: 100, tokensPerSecond: 10 },
    { rows: 16, bytesPerStep: 400, tokensPerSecond: 40 },
  ]);
});

test.each([
  ["NVIDIA H100 80GB HBM3", 3.35e12],
  ["NVIDIA H100 PCIe", 2.0e12],
  ["NVIDIA H100 NVL", 3.9e12],
  ["NVIDIA H200", 4.8e12],
  ["NVIDIA L40S", 0.864e12],
  ["NVIDIA A100-SXM4-40GB", 1.555e12],
  ["Somebody's card", undefined],
])("%s", (name, bytesPerSecond) => {
  expect(cardBandwidth(name)).toBe(bytesPerSecond);
});
