import { expect, test } from "vitest";
import { expNegative, negligibleExponent } from "./exp-negative.js";

test("is the exponential function to 1 part in 10^11, exact at 0", () => {
  expect(expNegative(0)).toBe(1);
  for (let exponent = negligibleExponent; exponent <= 0; exponent += 0.000_937) {
    expect(Math.abs(expNegative(exponent) / Math.exp(exponent) - 1)).toBeLessThan(1e-11);
  }
  expect(expNegative(negligibleExponent) / Math.exp(negligibleExponent)).toBeCloseTo(1, 11);
});
