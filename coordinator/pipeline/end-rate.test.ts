import { expect, test } from "vitest";
import { EndRate } from "./end-rate.js";

test("a refused client is told when half of the queue will be gone", () => {
  const rate = new EndRate();
  expect(rate.secondsFor(500, 0)).toBe(1);
  for (let nowMs = 0; nowMs <= 4_000; nowMs += 200) rate.ended(nowMs);
  expect(rate.secondsFor(100, 4_000)).toBe(10);
  expect(rate.secondsFor(2, 4_000)).toBe(1);
  expect(rate.secondsFor(100_000, 4_000)).toBe(60);
});

test("a server that comes to a stop counts as slow", () => {
  const rate = new EndRate();
  for (let nowMs = 0; nowMs <= 1_000; nowMs += 100) rate.ended(nowMs);
  expect(rate.secondsFor(10, 6_000)).toBe(25);
});
