import { expect, test } from "vitest";
import { fitLine } from "./fit-line.js";

test("points on a line give the line", () => {
  const points = [1, 4, 16].map((rows) => ({ rows, ms: 0.3 + 0.05 * rows }));
  const { alphaMs, betaMs } = fitLine(points);
  expect(alphaMs).toBeCloseTo(0.3, 9);
  expect(betaMs).toBeCloseTo(0.05, 9);
});

test("one row is met as well as many", () => {
  const { alphaMs, betaMs } = fitLine([
    { rows: 1, ms: 1 },
    { rows: 4, ms: 2 },
    { rows: 128, ms: 80 },
  ]);
  expect(Math.abs(alphaMs + betaMs - 1)).toBeLessThan(0.2);
});

test("a falling line is flat, and one through negative times begins at zero", () => {
  const falling = fitLine([
    { rows: 1, ms: 2 },
    { rows: 16, ms: 1 },
  ]);
  expect(falling.betaMs).toBe(0);
  expect(falling.alphaMs).toBeGreaterThan(1);
  const steep = fitLine([
    { rows: 2, ms: 1 },
    { rows: 4, ms: 4 },
  ]);
  expect(steep.alphaMs).toBe(0);
  expect(steep.betaMs).toBeGreaterThan(0.5);
});

test("one point, none, or times of zero still give a time", () => {
  expect(fitLine([{ rows: 4, ms: 3 }])).toEqual({ alphaMs: 3, betaMs: 0 });
  expect(fitLine([])).toEqual({ alphaMs: 0, betaMs: 0 });
  const zero = fitLine([
    { rows: 1, ms: 0 },
    { rows: 4, ms: 0 },
  ]);
  expect(zero).toEqual({ alphaMs: 0, betaMs: 0 });
});
