import { expect, test } from "vitest";
import { bfloat16ToFloat32, float32ToBfloat16 } from "./bfloat16.js";

const allBits = Uint16Array.from({ length: 65_536 }, (_, index) => index);

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
