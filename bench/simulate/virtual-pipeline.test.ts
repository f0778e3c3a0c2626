import { expect, test } from "vitest";
import { VirtualPipeline } from "./virtual-pipeline.js";

const load = { decodeRows: 2, prefillTokens: 0, sampled: 2 };

test("a lone micro-batch takes every stage and hop", () => {
  const pipeline = new VirtualPipeline([() => 10, () => 20], [1, 2, 3]);
  expect(pipeline.send(load, 100)).toBe(136);
  expect(pipeline.busyMs).toEqual([10, 20]);
});

test("micro-batches that follow each other come back at the slowest stage's pace", () => {
  const pipeline = new VirtualPipeline([() => 10, () => 20, () => 5], [0, 0, 0, 0]);
  expect([0, 0, 0, 0].map((atMs) => pipeline.send(load, atMs))).toEqual([35, 55, 75, 95]);
});
