import { expect, test } from "vitest";
import { memoryTrends } from "./memory-series.js";

const samples = Array.from({ length: 101 }, (_, index) => ({
  atMs: index * 1000,
  blocksUsed: 1,
  requestsRunning: 1,
  residentBytes: {
    // Grows during the warm-up only.
    flat: index < 20 ? 1000 + index : 2000,
    leaking: 1000 + 10 * index,
  },
}));

test("growth during the warm-up does not count, later growth does", () => {
  const [flat, leaking] = memoryTrends(samples);
  expect(flat).toMatchObject({ process: "flat", firstBytes: 2000, lastBytes: 2000, growth: 0 });
  expect(leaking?.growth).toBeCloseTo(1925 / 1275 - 1, 1);
});

test("nothing is compared where nothing was seen", () => {
  expect(memoryTrends([])).toEqual([]);
});
