import { expect, test } from "vitest";
import { median } from "./percentile.js";
import { SharedStats } from "./shared-stats.js";

test("a reader on the same memory sees what was written, the running activity included", () => {
  const writer = new SharedStats();
  writer.writeAccount({ busy: 100, waitIn: 20, waitOut: 3, send: 4 }, "waitOut", 1_000);
  writer.addStep(16);
  writer.addStep(4);
  writer.writeUsage({ blocksUsed: 9, sequences: 2 });
  expect(new SharedStats(writer.buffer).read(1_010)).toEqual({
    times: { busy: 100, waitIn: 20, waitOut: 13, send: 4 },
    steps: 2,
    tokens: 20,
    blocksUsed: 9,
    sequences: 2,
    hopP50Us: 0,
    hopP99Us: 0,
  });
});

test("percentiles are of the last hops only", () => {
  const stats = new SharedStats();
  for (let index = 0; index < 512; index++) stats.addHop(9_000);
  for (let hopUs = 512; hopUs >= 1; hopUs--) stats.addHop(hopUs);
  const { hopP50Us, hopP99Us } = stats.read(0);
  expect([hopP50Us, hopP99Us]).toEqual([256, 507]);
  stats.addHop(1);
  expect(stats.read(0).hopP50Us).toBe(255);
});

test("the median is one of the values", () => {
  expect(median([5, 1, 3])).toBe(3);
  expect(median([4, 1, 3, 2])).toBe(2);
  expect(median([])).toBe(0);
});
