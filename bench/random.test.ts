import { expect, test } from "vitest";
import { gamma, normal, seededRandom } from "./random.js";

const count = 20_000;

function momentsOf(draw: () => number): { mean: number; variance: number } {
  const values = Array.from({ length: count }, draw);
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count;
  return { mean, variance };
}

test("a seed gives the same numbers again, another seed others", () => {
  const draw = (seed: number): number[] => Array.from({ length: 4 }, seededRandom(seed));
  expect(draw(1)).toEqual(draw(1));
  expect(draw(1)).not.toEqual(draw(2));
  expect(draw(3).every((value) => value >= 0 && value < 1)).toBe(true);
});

test("normal values have mean 0 and variance 1", () => {
  const random = seededRandom(5);
  const { mean, variance } = momentsOf(() => normal(random));
  expect(mean).toBeCloseTo(0, 1);
  expect(variance).toBeCloseTo(1, 1);
});

test.each([0.25, 1, 4])("gamma values of shape %d have it as mean and variance", (shape) => {
  const random = seededRandom(7);
  const { mean, variance } = momentsOf(() => gamma(shape, random));
  expect(mean / shape).toBeCloseTo(1, 1);
  expect(Math.abs(variance / shape - 1)).toBeLessThan(0.1);
});
