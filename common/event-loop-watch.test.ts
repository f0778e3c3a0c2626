import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { EventLoopWatch } from "./event-loop-watch.js";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test("the share is of the last second alone, the time of all", () => {
  const times = { active: 5_000, idle: 0, utilization: 1 };
  const watch = new EventLoopWatch(() => ({ ...times }));
  expect(watch.use).toEqual({ utilization: 0, activeMs: 5_000 });
  times.active += 250;
  times.idle += 750;
  vi.advanceTimersByTime(1_000);
  expect(watch.use).toEqual({ utilization: 0.25, activeMs: 5_250 });
  times.active += 900;
  times.idle += 100;
  vi.advanceTimersByTime(1_000);
  expect(watch.use).toEqual({ utilization: 0.9, activeMs: 6_150 });
  watch.close();
  expect(vi.getTimerCount()).toBe(0);
});
