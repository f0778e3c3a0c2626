import { expect, test } from "vitest";
import { halfValues, toHalf } from "./half.js";

test("every half survives a round trip", () => {
  halfValues().forEach((value, bits) => {
    if (Number.isNaN(value)) expect(toHalf(value) & 0x7fff).toBeGreaterThan(0x7c00);
    else if (toHalf(value) !== bits) expect(toHalf(value)).toBe(bits);
  });
});

test("rounds to the nearest, ties to even", () => {
  expect(toHalf(1 + 2 ** -11)).toBe(0x3c00);
  expect(toHalf(1 + 3 * 2 ** -11)).toBe(0x3c02);
  expect(toHalf(1 + 2 ** -11 + 2 ** -20)).toBe(0x3c01);
  expect(toHalf(2047.9999)).toBe(0x6800);
  expect(toHalf(65519)).toBe(0x7bff);
  expect(toHalf(65520)).toBe(0x7c00);
  expect(toHalf(-1e9)).toBe(0xfc00);
  expect(toHalf(2 ** -25)).toBe(0);
  expect(toHalf(2 ** -25 * 1.01)).toBe(1);
  expect(toHalf(0.1)).toBe(0x2e66);
});
