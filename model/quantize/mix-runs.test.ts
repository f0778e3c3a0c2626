import { expect, test } from "vitest";
import { randomFloats, seededRandom } from "../../test/fixtures/random.js";
import { hadamardRuns, largestPowerOfTwo, mixRuns } from "./mix-runs.js";

test.each([1, 2, 5, 12, 64, 86, 576])(
  "runs of %i are mixed by an orthogonal matrix that is its own inverse",
  (size) => {
    const before = randomFloats(3 * size, seededRandom(size));
    const mixed = before.slice();
    mixRuns(mixed, size);
    const energy = (values: Float32Array) => values.reduce((sum, value) => sum + value * value, 0);
    for (let run = 0; run < 3; run++) {
      const part = [run * size, (run + 1) * size] as const;
      expect(energy(mixed.subarray(...part))).toBeCloseTo(energy(before.subarray(...part)), 3);
    }
    mixRuns(mixed, size);
    for (const [i, value] of mixed.entries()) expect(value).toBeCloseTo(before[i] as number, 4);
  },
);

test.each([12, 64, 576])("one large value of %i is spread over all", (size) => {
  for (const place of [0, 1, size - 1]) {
    const values = new Float32Array(size);
    values[place] = Math.sqrt(size);
    mixRuns(values, size);
    expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(Math.SQRT2 + 1e-6);
  }
});

test("a Hadamard transform is Sylvester's", () => {
  const values = Float32Array.of(1, 2, 3, 4, 0, 0, 0, 2);
  hadamardRuns(values, 4);
  expect([...values]).toEqual([5, -1, -2, 0, 1, -1, -1, 1]);
});

test("runs have to fit", () => {
  expect(() => mixRuns(new Float32Array(10), 4)).toThrow(/10 values are not made of runs of 4/);
  expect([1, 6, 64, 1536].map(largestPowerOfTwo)).toEqual([1, 2, 64, 512]);
});
