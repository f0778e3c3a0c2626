import { expect, test } from "vitest";
import { median, summarize } from "./statistics.js";

test("rates separate the prompt, decoding and the whole", () => {
  const summary = summarize([
    { startMs: 0, promptTokens: 100, tokensMs: [100, 200, 300, 400] },
    { startMs: 0, promptTokens: 100, tokensMs: [200, 300, 400, 500] },
  ]);
  expect(summary.durationMs).toBe(500);
  expect(summary.outputTokensPerSecond).toBe(16);
  expect(summary.totalTokensPerSecond).toBe(416);
  expect(summary.prefillTokensPerSecond).toBe(1000);
  // After the last first token (200) until the first end (400): two tokens of each request.
  expect(summary.decodeTokensPerSecond).toBe(20);
  expect(summary.timeToFirstTokenMs).toMatchObject({ mean: 150, p50: 200 });
  expect(summary.interTokenMs).toEqual({ mean: 100, p50: 100, p95: 100, p99: 100 });
  expect(summary.endToEndMs.p99).toBe(500);
});

test("requests that never decode side by side have no decode rate", () => {
  const summary = summarize([
    { startMs: 0, promptTokens: 1, tokensMs: [10, 20] },
    { startMs: 50, promptTokens: 1, tokensMs: [60, 70] },
  ]);
  expect(summary.decodeTokensPerSecond).toBeNaN();
});

test("a lone request decodes between its first token and its last", () => {
  const summary = summarize([{ startMs: 0, promptTokens: 8, tokensMs: [50, 60, 70, 80, 90] }]);
  expect(summary.decodeTokensPerSecond).toBe(100);
});

test("the median of an even count is between the two", () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([9, 1, 3])).toBe(3);
  expect(median([])).toBeNaN();
});
