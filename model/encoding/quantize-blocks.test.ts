import { describe, expect, test } from "vitest";
import { randomFloats, seededRandom } from "../../test/fixtures/random.js";
import { quantizeBlocks } from "./quantize-blocks.js";
import type { BlockedWeights } from "./to-blocks.js";

const rows = 7;
const columns = 75;
const values = randomFloats(rows * columns, seededRandom(3));

describe.each([4, 8] as const)("%i bits", (bits) => {
  const blocked = quantizeBlocks(values, rows, columns, bits);

  test("every weight is the nearest level of its block", () => {
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const { weight, scale, level } = at(blocked, row, column);
        const error = Math.abs(weight - (values[row * columns + column] as number));
        // The end opposite the extreme of a 4-bit block is one step short.
        const clipped = bits === 4 && level === 7;
        expect(error).toBeLessThanOrEqual(Math.abs(scale) * (clipped ? 1 : 0.5) * (1 + 1e-6));
      }
    }
  });

  test("the extreme of a block is kept", () => {
    const first = [...values.subarray(0, 32)];
    const extreme = first.reduce((best, value) => (Math.abs(value) > Math.abs(best) ? value : best), 0);
    expect(at(blocked, 0, first.indexOf(extreme)).weight).toBeCloseTo(extreme, 6);
  });

  test("rows are filled up with zeros", () => {
    expect(blocked.scales.length).toBe(rows * 3);
    expect(blocked.quants.length).toBe((rows * 96 * bits) / 8);
    for (let column = columns; column < 96; column++) expect(at(blocked, 3, column).level).toBe(0);
  });

  test("blocks of zeros and of the smallest numbers", () => {
    const tiny = Float32Array.from({ length: 64 }, (_, i) => (i < 32 ? 0 : 1e-45));
    const { scales, quants } = quantizeBlocks(tiny, 1, 64, bits);
    expect([...scales].every(Number.isFinite)).toBe(true);
    expect(new Set(quants)).toEqual(new Set([bits === 4 ? 0x88 : 128]));
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])("refuses %d", (bad) => {
    const damaged = values.slice();
    damaged[2 * columns + 40] = bad;
    expect(() => quantizeBlocks(damaged, rows, columns, bits)).toThrow(
      expect.objectContaining({
        code: "DATA_LOSS",
        message: expect.stringMatching(/row 2, columns 32 to 63/),
      }),
    );
  });
});

test("refuses sizes that do not fit", () => {
  expect(() => quantizeBlocks(values, rows, columns + 1, 8)).toThrow(/525 weights .* 7 rows and 76 columns/);
});

function at({ bits, quants, scales }: BlockedWeights, row: number, column: number) {
  const element = row * 96 + column;
  const byte = quants[Math.floor((element * bits) / 8)] as number;
  const level = bits === 8 ? byte - 128 : (element % 2 === 0 ? byte % 16 : Math.floor(byte / 16)) - 8;
  const scale = scales[row * 3 + Math.floor(column / 32)] as number;
  return { weight: scale * level, scale, level };
}
