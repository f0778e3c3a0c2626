import { afterEach, expect, test, vi } from "vitest";
import { cpuPace, gpuPace, timeMedian } from "./time-rounds.js";

afterEach(() => {
  vi.restoreAllMocks();
});

/** Rounds that take so many milliseconds one after another, the last again and again; and how many there were. */
function roundsOf(...times: readonly number[]) {
  let count = 0;
  return { round: async () => times[Math.min(count++, times.length - 1)] as number, count: () => count };
}

test("a GPU is warmed up, then timed without a pause until there is enough", async () => {
  const pause = vi.spyOn(Atomics, "wait");
  const { round, count } = roundsOf(40, 30, 5);
  expect(await timeMedian(gpuPace, round)).toBe(5);
  expect(count()).toBe(2 + 24);
  expect(pause).not.toHaveBeenCalled();
});

test("where a round takes long, one of each kind will do", async () => {
  const { round, count } = roundsOf(3000, 2000);
  expect(await timeMedian(gpuPace, round)).toBe(2000);
  expect(count()).toBe(2);
});

test("on a CPU each round comes after a pause as a stage has it", async () => {
  const pauses: (number | undefined)[] = [];
  vi.spyOn(Atomics, "wait").mockImplementation((_cell, _index, _value, timeoutMs) => {
    pauses.push(timeoutMs);
    return "timed-out";
  });
  const { round } = roundsOf(4, 200, 300, 400);
  expect(await timeMedian(cpuPace, round)).toBe(300);
  expect(pauses).toEqual([4, 10, 10]);
});
