import { expect, test } from "vitest";
import { makeTrace, type TraceOptions } from "./trace.js";

const options: TraceOptions = {
  seed: 3,
  requests: 4000,
  requestRate: 20,
  burstiness: 1,
  meanPromptTokens: 60,
  meanOutputTokens: 40,
  maxTokens: 100_000,
  vocabularySize: 5000,
};

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function gapsOf(more: Partial<TraceOptions>): number[] {
  const arrivals = makeTrace({ ...options, ...more }).map(({ arrivalMs }) => arrivalMs);
  return arrivals.map((atMs, index) => atMs - (arrivals[index - 1] ?? 0));
}

test("a seed gives the same trace again", () => {
  expect(makeTrace({ ...options, requests: 20 })).toEqual(makeTrace({ ...options, requests: 20 }));
  expect(makeTrace({ ...options, requests: 20, seed: 4 })).not.toEqual(
    makeTrace({ ...options, requests: 20 }),
  );
});

test("arrivals and lengths have the means that were asked for", () => {
  const trace = makeTrace(options);
  expect(mean(gapsOf({})) / 50).toBeCloseTo(1, 1);
  expect(Math.abs(mean(trace.map(({ promptIds }) => promptIds.length)) / 60 - 1)).toBeLessThan(0.1);
  expect(Math.abs(mean(trace.map(({ outputTokens }) => outputTokens)) / 40 - 1)).toBeLessThan(0.1);
});

test("burstiness spreads the gaps and leaves their mean", () => {
  const spread = (gaps: readonly number[]): number =>
    Math.sqrt(mean(gaps.map((gap) => (gap - mean(gaps)) ** 2))) / mean(gaps);
  expect(spread(gapsOf({ burstiness: 0.25 }))).toBeCloseTo(2, 0);
  expect(spread(gapsOf({ burstiness: 1 }))).toBeCloseTo(1, 1);
  expect(spread(gapsOf({ burstiness: 16 }))).toBeCloseTo(0.25, 1);
});

test("lengths are at least one token and at most the limit", () => {
  const lengths = makeTrace({ ...options, meanOutputTokens: 1, maxTokens: 64 }).flatMap(
    ({ promptIds, outputTokens }) => [promptIds.length, outputTokens],
  );
  expect(Math.min(...lengths)).toBe(1);
  expect(Math.max(...lengths)).toBe(64);
});
