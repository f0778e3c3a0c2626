import { expect, test } from "vitest";
import type { PlannedStage } from "../planner/types.js";
import { blockSizeOf } from "./block-size.js";

const workers = [
  { workerId: "cpu" },
  { workerId: "webgpu", blockSize: 32 },
  { workerId: "cuda", blockSize: 256 },
];

function planOver(...workerIds: string[]) {
  return { stages: workerIds.map((workerId) => ({ workerId }) as PlannedStage) };
}

test("auto takes the largest that a stage of the plan wants", () => {
  expect(blockSizeOf("auto", planOver("cpu", "webgpu"), workers)).toBe(32);
  expect(blockSizeOf("auto", planOver("cuda", "webgpu"), workers)).toBe(256);
});

test("auto is 16 where nobody wants another, whatever workers beside the plan want", () => {
  expect(blockSizeOf("auto", planOver("cpu"), workers)).toBe(16);
});

test("a number is taken as it is", () => {
  expect(blockSizeOf(48, planOver("cuda"), workers)).toBe(48);
});
