import { expect, test } from "vitest";
import { simulatePipeline } from "./simulate-pipeline.js";
import { VirtualPipeline } from "./virtual-pipeline.js";

function run(stages: number, sequences: number, laneCount: number) {
  const pipeline = new VirtualPipeline(
    Array.from({ length: stages }, () => () => 10),
    new Array<number>(stages + 1).fill(0),
  );
  const sizes = { promptTokens: 8, outputTokens: 12, tokenBudget: 64 };
  return simulatePipeline({ ...sizes, sequences, laneCount, pipeline });
}

test("every sequence gets its tokens, and every prompt is read once", () => {
  const { summary, generatedTokens, promptTokens, frameBytes } = run(3, 20, 3);
  expect(summary.requests).toBe(20);
  expect(generatedTokens).toBe(240);
  expect(promptTokens).toBe(160);
  expect(frameBytes).toBeGreaterThan(160 * 4);
});

test("equal stages with as many lanes have no bubbles, with one lane all but one stage wait", () => {
  for (const share of run(4, 16, 4).busyShares) expect(share).toBeCloseTo(1, 1);
  for (const share of run(4, 16, 1).busyShares) expect(share).toBeCloseTo(0.25, 1);
  // 16 rows every 10 ms, or every 40.
  expect(run(4, 16, 4).summary.decodeTokensPerSecond / 400).toBeCloseTo(1, 0);
  expect(run(4, 16, 1).summary.decodeTokensPerSecond).toBeCloseTo(400);
});
