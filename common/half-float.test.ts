import { expect, test } from "vitest";
import { bfloat16ToFloat32, float16ToFloat32, float32ToBfloat16, float32ToFloat16 } from "./half-float.js";

const allBits = Uint16Array.from({ length: 65_536 }, (_, index) => index);

test("every float16 survives the way to float32 and back", () => {
  const wide = float16ToFloat32(allBits);
  const narrow = float32ToFloat16(wide);
  for (let bits = 0; bits < 65_536; bits++) {
    const value = wide[bits] as number;
    if (Number.isNaN(value)) expect(((narrow[bits] as number) & 0x7fff) > 0x7c00).toBe(true);
    else if (narrow[bits] !== bits) expect(narrow[bits]).toBe(bits);
  }
});

test("float16 has the values that IEEE 754 says", () => {
  const bits = Uint16Array.of(0x3c00, 0xc000, 0x7bff, 0x0001, 0x0400, 0x7c00, 0x8000);
  expect([...float16ToFloat32(bits)]).toEqual([
    1,
    -2,
    65_504,
    2 ** -24,
    2 ** -14,
    Number.POSITIVE_INFINITY,
    -0,
  ]);
});

test("narrowing to float16 takes the nearest, ties to even", () => {
  const values = Float32Array.of(
    1 + 2 ** -11,
    1 + 3 * 2 ** -11,
    65_519,
    65_520,
    2 ** -25,
    3 * 2 ** -25,
    -1e-9,
  );
  expect([...float32ToFloat16(values)]).toEqual([0x3c00, 0x3c02, 0x7bff, 0x7c00, 0, 2, 0x8000]);
});

test("a random float16 is never further from its float32 than the neighbours are", () => {
  for (let index = 0; index < 5_000; index++) {
    const value = Math.fround((Math.random() - 0.5) * 2 ** (Math.random() * 40 - 26));
    const [bits] = float32ToFloat16(Float32Array.of(value));
    const near = Uint16Array.of((bits as number) - 1, bits as number, (bits as number) + 1);
    const errors = [...float16ToFloat32(near)].map((candidate) => Math.abs(candidate - value));
    const best = Math.min(...errors.filter((error) => !Number.isNaN(error)));
    expect(errors[1]).toBe(best);
  }
});

test("every bfloat16 survives the way to float32 and back", () => {
  const wide = bfloat16ToFloat32(allBits);
  const narrow = float32ToBfloat16(wide);
  for (let bits = 0; bits < 65_536; bits++) {
    if (Number.isNaN(wide[bits])) expect(((narrow[bits] as number) & 0x7fff) > 0x7f80).toBe(true);
    else if (narrow[bits] !== bits) expect(narrow[bits]).toBe(bits);
  }
});

test("narrowing to bfloat16 takes the nearest, ties to even", () => {
  const values = Float32Array.of(1 + 2 ** -8, 1 + 3 * 2 ** -8, 3.4e38, Number.NaN);
  expect([...float32ToBfloat16(values)]).toEqual([0x3f80, 0x3f82, 0x7f80, 0x7fc0]);
});
