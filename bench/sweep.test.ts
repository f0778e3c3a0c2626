import { expect, test } from "vitest";
import type { LoadRunner } from "./load-runner.js";
import { runSweep, sweepMarkdown, sweepPlot } from "./sweep.js";

/** Takes a millisecond a token and request, one after the other. */
const runner: LoadRunner = {
  name: "ours",
  run: async ({ workload }) =>
    workload.map(({ promptIds, outputTokens }) => ({
      startMs: 0,
      promptTokens: promptIds.length,
      tokensMs: Array.from({ length: outputTokens }, (_, index) => (index + 1) * workload.length),
    })),
};

test("each concurrency runs as many requests, and becomes a point of each line", async () => {
  const points = await runSweep([runner], {
    concurrencies: [1, 4],
    rounds: 2,
    warmUp: 1,
    promptTokens: 3,
    outputTokens: 5,
    vocabularySize: 5000,
    seed: 1,
    onProgress: () => undefined,
  });
  expect(points.map(({ concurrency, columns }) => [concurrency, columns[0]?.rounds[1]?.requests])).toEqual([
    [1, 1],
    [4, 4],
  ]);
  const { xValues, panels } = sweepPlot(points, "");
  expect(xValues).toEqual([1, 4]);
  expect(panels.map(({ series }) => series)).toEqual([
    [{ name: "ours", values: [1000, 1000] }],
    [{ name: "ours", values: [1, 4] }],
    [{ name: "ours", values: [1, 4] }],
  ]);
  const last = sweepMarkdown(points).split("\n").at(-1) ?? "";
  expect(last.split("|").map((cell) => cell.trim())).toEqual([
    "",
    "4",
    "ours",
    "1000.0",
    "1000.0",
    "4.0",
    "4.0",
    "",
  ]);
});
