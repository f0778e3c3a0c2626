import { expect, test } from "vitest";
import { parseDevice } from "./device-name.js";
import { memoryLimits } from "./memory-limits.js";

const free: Record<string, number> = { "cuda:0": 1000, "cuda:1": 500, cpu: 300, webgpu: 200 };

async function limitsOf(...names: string[]) {
  return await memoryLimits(names.map(parseDevice), async (device) => {
    const name = device.device === "cuda" ? `cuda:${device.deviceIndex ?? 0}` : device.device;
    return free[name] ?? Number.NaN;
  });
}

test("workers on one card share what is free on it, and a card that one has to itself is its own", async () => {
  expect(await limitsOf("cuda:0", "cuda:1", "cuda")).toEqual([450, undefined, 450]);
  expect(await limitsOf("cuda:0", "cuda:1")).toEqual([undefined, undefined]);
});

test("what computes beside the CPU may take its memory", async () => {
  expect(await limitsOf("cuda:1", "cpu", "webgpu")).toEqual([undefined, 135, 90]);
  expect(await limitsOf("cpu", "cpu", "cpu")).toEqual([90, 90, 90]);
  expect(await limitsOf("simulated", "simulated", "cpu")).toEqual([undefined, undefined, undefined]);
});
