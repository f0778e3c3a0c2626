import { expect, test } from "vitest";
import { besidePredictions, DecodeRates } from "./decode-rates.js";

/** Steps every `everyMs` from `fromMs` on, `rows` tokens each. */
function steps(
  rates: DecodeRates,
  {
    running,
    rows,
    count,
    everyMs = 100,
    fromMs,
  }: Record<"running" | "rows" | "count" | "fromMs", number> & { everyMs?: number },
): void {
  for (let step = 0; step <= count; step++)
    rates.step({ running, promptTokens: 0, generatedTokens: rows }, fromMs + step * everyMs);
}

test("tokens over time while so many run", () => {
  const rates = new DecodeRates();
  steps(rates, { running: 4, rows: 2, count: 10, fromMs: 0 });
  expect(rates.achieved()).toEqual([{ concurrency: 4, tokensPerSecond: 20, seconds: 1 }]);
  steps(rates, { running: 1, rows: 1, count: 20, fromMs: 1_100 });
  expect(rates.achieved()).toEqual([
    { concurrency: 1, tokensPerSecond: 10, seconds: 2 },
    { concurrency: 4, tokensPerSecond: 20, seconds: 1 },
  ]);
});

test("a prompt that is read, a change and short stretches do not count", () => {
  const rates = new DecodeRates();
  steps(rates, { running: 2, rows: 2, count: 4, fromMs: 0 });
  rates.step({ running: 2, promptTokens: 100, generatedTokens: 1 }, 450);
  steps(rates, { running: 2, rows: 2, count: 4, fromMs: 500 });
  expect(rates.achieved()).toEqual([]);
  rates.step({ running: 2, promptTokens: 0, generatedTokens: 2 }, 1_000);
  expect(rates.achieved()).toEqual([{ concurrency: 2, tokensPerSecond: 20, seconds: 0.5 }]);
  rates.clear();
  expect(rates.achieved()).toEqual([]);
});

test("what was long ago weighs less than what is new", () => {
  const rates = new DecodeRates();
  steps(rates, { running: 1, rows: 1, count: 640, fromMs: 0 });
  rates.step({ running: 0, promptTokens: 0, generatedTokens: 0 }, 64_000);
  steps(rates, { running: 1, rows: 3, count: 320, fromMs: 65_000 });
  expect(rates.achieved()[0]?.tokensPerSecond).toBeCloseTo(20);
});

test("predictions and achievements stand side by side", () => {
  const achieved = { concurrency: 4, tokensPerSecond: 9, seconds: 1 };
  expect(besidePredictions([{ concurrency: 1, decodeTokensPerSecond: 5 }], [achieved])).toEqual([
    { concurrency: 1, predicted: 5, achieved: undefined },
    { concurrency: 4, predicted: undefined, achieved },
  ]);
});
