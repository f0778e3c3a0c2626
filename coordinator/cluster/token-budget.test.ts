import { expect, test } from "vitest";
import type { PlannedStage } from "../planner/types.js";
import { mostTokens, tokenBudgetOf } from "./token-budget.js";

const workers = [
  { workerId: "a", device: "cuda:0" },
  { workerId: "b", device: "cuda:1" },
  { workerId: "c", device: "cpu" },
];

function planOver(...workerIds: string[]) {
  return { stages: workerIds.map((workerId) => ({ workerId }) as PlannedStage) };
}

test("auto is larger where a GPU has the whole model", () => {
  expect(tokenBudgetOf("auto", planOver("a"), workers)).toBe(2048);
  expect(tokenBudgetOf("auto", planOver("c"), workers)).toBe(512);
  expect(tokenBudgetOf("auto", planOver("a", "b"), workers)).toBe(512);
  expect(mostTokens("auto")).toBe(2048);
});

test("a number is taken as it is", () => {
  expect([tokenBudgetOf(100, planOver("a"), workers), mostTokens(100)]).toEqual([100, 100]);
});
