import { availableParallelism } from "node:os";
import { expect, test } from "vitest";
import { parseCpuList, pinnableCpus } from "./machine-cpus.js";

test("lists of processors as Linux writes them", () => {
  expect(parseCpuList("3")).toEqual([3]);
  expect(parseCpuList("0,2-4,9")).toEqual([0, 2, 3, 4, 9]);
});

test.runIf(process.platform === "linux")("as many processors as there are, or none without taskset", () => {
  expect([0, availableParallelism()]).toContain(pinnableCpus().length);
});
