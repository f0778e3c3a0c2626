import { expect, test } from "vitest";
import { StepGaps } from "./step-gaps.js";

test("one that had the pipeline to itself took its share of a lane's time, those that follow the time between", () => {
  const gaps = new StepGaps(4);
  expect(gaps.answered(100, 140)).toBe(10);
  expect(gaps.answered(120, 155)).toBe(15);
  expect(gaps.answered(130, 162)).toBe(7);
});

test("one that was written after the last answer is alone again", () => {
  const gaps = new StepGaps(2);
  gaps.answered(0, 50);
  expect(gaps.answered(60, 80)).toBe(10);
});
