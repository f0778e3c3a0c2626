import { expect, test } from "vitest";
import { runnerOptions } from "../../../test/fixtures/stage-fixtures.js";
import { kvBlockCount } from "./kv-block-count.js";

// 16 tokens, 4 layers, K and V of 2 heads of 16, f32.
const blockBytes = 16 * 4 * 2 * 2 * 16 * 4;
const many = { blockCount: 0, maxSequences: 1000, maxContext: 1600, memoryLimitBytes: 400 * blockBytes };

test("blocks are as many as asked for, or as fit beside the weights, up to all that can be used", () => {
  expect(kvBlockCount(runnerOptions({ blockCount: 7 }), 0)).toBe(7);
  expect(kvBlockCount(runnerOptions(many), 0)).toBe(200);
  expect(kvBlockCount(runnerOptions(many), 200 * blockBytes)).toBe(50);
  expect(kvBlockCount(runnerOptions({ ...many, maxSequences: 1 }), 0)).toBe(100);
});

test("KV takes no more than it may, nor more than there is", () => {
  const within = (kvMemoryBytes: number) => kvBlockCount(runnerOptions({ ...many, kvMemoryBytes }), 0);
  expect(within(20 * blockBytes)).toBe(10);
  expect(within(1e12)).toBe(200);
  expect(() => within(blockBytes)).toThrow(/raise --kv-cache-memory/);
  expect(() => kvBlockCount(runnerOptions(many), 1e9)).toThrow(/do not fit/);
});
