import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { randomFloats, seededRandom } from "../../test/fixtures/random.js";
import { factorGram } from "./factor-gram.js";
import { type MatrixProduct, openMatrixProduct } from "./matrix-product.js";
import { dequantizeRounded, roundWeights } from "./round-weights.js";

let product: MatrixProduct;
beforeAll(async () => {
  product = await openMatrixProduct();
});
afterAll(() => product.close());

/** Rows of inputs that go along with each other, and their Gram matrix. */
function inputs(rows: number, size: number): { x: Float32Array; gram: Float32Array } {
  const random = seededRandom(size);
  const causes = randomFloats(8 * size, random);
  const x = new Float32Array(rows * size);
  for (let row = 0; row < rows; row++) {
    const mixture = randomFloats(8, random);
    const own = randomFloats(size, random, 0.1);
    for (let i = 0; i < size; i++) {
      x[row * size + i] =
        (own[i] as number) +
        mixture.reduce((sum, share, cause) => sum + share * (causes[cause * size + i] as number), 0);
    }
  }
  const gram = new Float32Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      for (let row = 0; row < rows; row++) {
        gram[i * size + j] =
          (gram[i * size + j] as number) + (x[row * size + i] as number) * (x[row * size + j] as number);
      }
    }
  }
  return { x, gram };
}

describe("a Gram matrix", () => {
  test.each([5, 64, 150])("of %i inputs is the square of its triangular factor, damped", async (size) => {
    const { gram } = inputs(2 * size, size);
    const factor = (await factorGram(gram, size, 0.01, product)) ?? expect.fail("no factor");
    const mean = gram.reduce((sum, value, i) => (i % (size + 1) === 0 ? sum + value : sum), 0) / size;
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) {
        let square = 0;
        for (let k = 0; k < size; k++) {
          square += (factor[k * size + i] as number) * (factor[k * size + j] as number);
        }
        const expected = (gram[i * size + j] as number) + (i === j ? 0.01 * mean : 0);
        expect(Math.abs(square - expected)).toBeLessThan(1e-4 * mean);
        if (i > j) expect(factor[j * size + i]).toBe(0);
      }
    }
  });

  test("that is none has no factor", async () => {
    expect(await factorGram(Float32Array.of(1, 5, 5, 1), 2, 0.01, product)).toBeUndefined();
  });
});

describe("rounded weights", () => {
  const [size, outputs] = [130, 7];
  const weight = randomFloats(size * outputs, seededRandom(1));

  function error(x: Float32Array, rounded: Float32Array): number {
    let sum = 0;
    for (let row = 0; row < x.length / size; row++) {
      for (let n = 0; n < outputs; n++) {
        let y = 0;
        for (let k = 0; k < size; k++) {
          const at = k * outputs + n;
          y += (x[row * size + k] as number) * ((weight[at] as number) - (rounded[at] as number));
        }
        sum += y * y;
      }
    }
    return sum;
  }

  const nearest = (scales: Float32Array) =>
    weight.map((value, i) => {
      const scale = scales[i % outputs] as number;
      return Math.round(value / scale) * scale;
    });

  test("make products of inputs like those seen far better than rounding to nearest", async () => {
    const { x, gram } = inputs(300, size);
    const rounded = await roundWeights(weight, gram, size, product);
    expect(Math.max(...rounded.levels.map(Math.abs))).toBeLessThanOrEqual(127);
    expect(error(x, dequantizeRounded(rounded))).toBeLessThan(0.2 * error(x, nearest(rounded.scales)));
  });

  test.each([
    ["inputs that have nothing to do with each other", 1],
    ["inputs that are never there", 0],
  ])("are the nearest for %s", async (_name, diagonal) => {
    const gram = Float32Array.from({ length: size * size }, (_, i) => (i % (size + 1) === 0 ? diagonal : 0));
    const rounded = await roundWeights(weight, gram, size, product);
    const expected = nearest(rounded.scales);
    for (const [i, value] of dequantizeRounded(rounded).entries())
      expect(value).toBeCloseTo(expected[i] as number, 6);
  });

  test("of zeros are zeros", async () => {
    const { gram } = inputs(10, 4);
    const rounded = await roundWeights(new Float32Array(8), gram, 4, product);
    expect([...dequantizeRounded(rounded)].every((value) => value === 0)).toBe(true);
  });
});
