import { describe, expect, test } from "vitest";
import { seededRandom } from "../../test/fixtures/random.js";
import { randomBlocks } from "../../test/fixtures/random-blocks.js";
import { blockShape, referenceDecode } from "../../test/fixtures/reference-decoder.js";
import { type BlockEncoding, blockFormats } from "./block-formats.js";
import { type BlockedWeights, toBlocks } from "./to-blocks.js";

const encodings = Object.keys(blockFormats) as BlockEncoding[];
const layouts: Record<BlockEncoding, { bits: number; blockSize: number; offsets: boolean }> = {
  Q4_0: { bits: 4, blockSize: 32, offsets: false },
  Q4_1: { bits: 4, blockSize: 32, offsets: true },
  Q5_0: { bits: 8, blockSize: 32, offsets: false },
  Q5_1: { bits: 8, blockSize: 32, offsets: true },
  Q8_0: { bits: 8, blockSize: 32, offsets: false },
  Q2_K: { bits: 4, blockSize: 16, offsets: true },
  Q3_K: { bits: 4, blockSize: 16, offsets: false },
  Q4_K: { bits: 4, blockSize: 32, offsets: true },
  Q5_K: { bits: 8, blockSize: 32, offsets: true },
  Q6_K: { bits: 8, blockSize: 16, offsets: false },
};

describe.each(encodings)("%s", (encoding) => {
  const { elements } = blockShape(encoding);
  const rows = 5;
  const columns = elements * 3;
  const stored = randomBlocks(encoding, rows * columns, seededRandom(77));
  const blocked = toBlocks(encoding, stored, rows, columns);

  test("has the layout that its products expect", () => {
    const { bits, blockSize, offsets } = layouts[encoding];
    expect(blocked).toMatchObject({ bits, blockSize });
    expect(blocked.quants.length).toBe((rows * columns * bits) / 8);
    expect(blocked.scales.length).toBe((rows * columns) / blockSize);
    expect(blocked.offsets?.length).toBe(offsets ? blocked.scales.length : undefined);
  });

  test("means the same weights", () => {
    const expected = referenceDecode(encoding, stored);
    const actual = weightsOf(blocked);
    // The only rounding is that of an offset to f32, so it is relative to the largest weight.
    const limit = blocked.offsets ? Math.max(...expected.map(Math.abs)) * 2 ** -23 : 0;
    const errors = expected.map((weight, i) => Math.abs((actual[i] as number) - weight));
    expect(actual.length).toBe(expected.length);
    expect(Math.max(...errors)).toBeLessThanOrEqual(limit);
  });
});

test("two weights a byte, the first in the low nibble", () => {
  const stored = new Uint8Array(18);
  stored[1] = 0x3c;
  stored[2] = 0x05; // element 0 is 5, element 16 is 0
  stored[3] = 0x0a; // element 1 is 10
  expect(toBlocks("Q4_0", stored, 1, 32).quants[0]).toBe(0xa5);
});

test("refuses what has no blocks and what does not fit", () => {
  expect(() => toBlocks("F16", new Uint8Array(64), 1, 32)).toThrow(/F16 weights have no blocks/);
  expect(() => toBlocks("Q4_0", new Uint8Array(18), 2, 16)).toThrow(/2 rows and 16 columns is not Q4_0/);
  expect(() => toBlocks("Q4_0", new Uint8Array(18), 2, 32)).toThrow(/take 36 bytes, but 18/);
});

function weightsOf({ bits, blockSize, quants, scales, offsets }: BlockedWeights): number[] {
  const zero = bits === 4 ? 8 : 128;
  return Array.from({ length: (quants.length * 8) / bits }, (_, i) => {
    const byte = quants[Math.floor((i * bits) / 8)] as number;
    const level = bits === 8 ? byte : i % 2 === 0 ? byte % 16 : Math.floor(byte / 16);
    const block = Math.floor(i / blockSize);
    return (scales[block] as number) * (level - zero) + (offsets?.[block] ?? 0);
  });
}
