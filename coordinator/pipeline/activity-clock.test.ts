import { expect, test } from "vitest";
import { ActivityClock } from "./activity-clock.js";

test("time counts from the first micro-batch under way to the last one back", () => {
  let nowMs = 0;
  const clock = new ActivityClock(() => nowMs);
  const at = (timeMs: number, count: number): void => {
    nowMs = timeMs;
    clock.onInFlight(count);
  };
  at(10, 0);
  at(100, 1);
  at(120, 2);
  at(150, 1);
  expect(clock.totalMs()).toBe(50);
  at(160, 0);
  nowMs = 500;
  expect(clock.totalMs()).toBe(60);
  at(600, 1);
  nowMs = 605;
  expect(clock.totalMs()).toBe(65);
});
