import { describe, expect, test } from "vitest";
import { randomBytes, seededRandom } from "../../test/fixtures/random.js";
import { blockShape, referenceDecode } from "../../test/fixtures/reference-decoder.js";
import { type BlockEncoding, blockFormats } from "./block-formats.js";
import { dequantize } from "./dequantize.js";

const encodings = Object.keys(blockFormats) as BlockEncoding[];

describe("blocks", () => {
  test.each(encodings)("%s means what its bits say, for random bytes as blocks", (encoding) => {
    const { elements, bytes } = blockShape(encoding);
    const stored = randomBytes(bytes * 64, seededRandom(encodings.indexOf(encoding) + 1));
    const expected = Float32Array.from(referenceDecode(encoding, stored));
    const actual = dequantize(encoding, stored, elements * 64);
    expect(actual.map(withoutSign)).toEqual(expected.map(withoutSign));
    expect(actual.filter(Number.isFinite).length).toBeGreaterThan(elements * 32);
  });

  test("reads blocks that start anywhere in a buffer", () => {
    const stored = randomBytes(1 + 18 * 2, seededRandom(9));
    expect(dequantize("Q4_0", stored.subarray(1), 64)).toEqual(dequantize("Q4_0", stored.slice(1), 64));
  });

  test("a known Q4_0 block", () => {
    // Scale 0.5 (0x3800); byte i holds i % 16 low and 15 - i high.
    const stored = Uint8Array.from([
      0x00,
      0x38,
      ...Array.from({ length: 16 }, (_, i) => i | ((15 - i) << 4)),
    ]);
    const levels = [
      ...Array.from({ length: 16 }, (_, i) => i - 8),
      ...Array.from({ length: 16 }, (_, i) => 7 - i),
    ];
    expect([...dequantize("Q4_0", stored, 32)]).toEqual(levels.map((level) => level / 2));
  });
});

describe("plain floats", () => {
  test("F16, with subnormals, infinity and negative zero", () => {
    const bits = Uint16Array.from([0x3c00, 0xc000, 0x0001, 0x03ff, 0x0400, 0x7bff, 0x7c00, 0x8000, 0x3555]);
    const values = [
      1,
      -2,
      2 ** -24,
      1023 * 2 ** -24,
      2 ** -14,
      65504,
      Number.POSITIVE_INFINITY,
      -0,
      0.333251953125,
    ];
    expect([...dequantize("F16", new Uint8Array(bits.buffer), 9)]).toEqual(values);
  });

  test("BF16", () => {
    const bits = Uint16Array.from([0x3f80, 0xc040, 0x0001, 0x7f80]);
    const values = [1, -3, 2 ** -133, Number.POSITIVE_INFINITY];
    expect([...dequantize("BF16", new Uint8Array(bits.buffer), 4)]).toEqual(values);
  });

  test("F32 at an odd offset is copied, at an even one viewed", () => {
    const bytes = new Uint8Array(12);
    new DataView(bytes.buffer).setFloat32(5, 1.5, true);
    expect([...dequantize("F32", bytes.subarray(5, 9), 1)]).toEqual([1.5]);
    expect(dequantize("F32", bytes.subarray(4, 8), 1).buffer).toBe(bytes.buffer);
  });
});

test("refuses bytes that do not fit the count", () => {
  expect(() => dequantize("Q8_0", new Uint8Array(33), 32)).toThrow(/32 Q8_0 elements take 34 bytes, but 33/);
  expect(() => dequantize("Q4_K", new Uint8Array(144), 255)).toThrow(/255 elements .* Q4_K.* blocks of 256/);
  expect(() => dequantize("F32", new Uint8Array(4), -1)).toThrow(/-1 elements/);
});

/** Negative zero becomes zero. */
function withoutSign(value: number): number {
  return value === 0 ? 0 : value;
}
