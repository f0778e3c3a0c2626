import { describe, expect, test } from "vitest";
import { randomModel } from "../test/fixtures/random-model.js";
import type { ModelConfig, RopeScaling } from "./config.js";
import { rotaryTables } from "./rope.js";

// Expected frequencies were computed in float64 by a separate program, from the formulas as published: for
// llama3 with its wavelength bands, for yarn with the inverse frequencies before and after stretching.

function config(ropeBase: number, headSize: number, ropeScaling: RopeScaling): ModelConfig {
  return randomModel({ config: { ropeBase, headSize, ropeScaling } }).config;
}

/** Radians a position, read off the tables at position 1. */
function frequencies(of: ModelConfig): number[] {
  const { cos, sin } = rotaryTables(of, 2);
  const pairs = of.ropeDimension / 2;
  return Array.from({ length: pairs }, (_, pair) =>
    Math.atan2(sin[pairs + pair] ?? 0, cos[pairs + pair] ?? 0),
  );
}

function expectFrequencies(of: ModelConfig, expected: Record<number, number>): void {
  const actual = frequencies(of);
  for (const [pair, frequency] of Object.entries(expected)) {
    expect((actual[Number(pair)] ?? 0) / frequency, `pair ${pair}`).toBeCloseTo(1, 6);
  }
}

describe("plain", () => {
  const { cos, sin } = rotaryTables(config(10_000, 8, { kind: "none" }), 1001);

  test("position 0 is not rotated", () => {
    expect([...cos.subarray(0, 4)]).toEqual([1, 1, 1, 1]);
    expect([...sin.subarray(0, 4)]).toEqual([0, 0, 0, 0]);
  });

  test.each([
    [1, [0.5403023058681398, 0.9950041652780258, 0.9999500004166653, 0.9999995000000417]],
    [1000, [0.5623790762907029, 0.8623188722876839, -0.8390715290764524, 0.5403023058681398]],
  ])("cosines of position %i", (position, expected) => {
    expect(cos.subarray(position * 4, position * 4 + 4)).toEqual(Float32Array.from(expected));
  });

  test.each([
    [1, [0.8414709848078965, 0.09983341664682815, 0.009999833334166664, 0.0009999998333333417]],
    [1000, [0.8268795405320025, -0.5063656411097588, -0.5440211108893698, 0.8414709848078965]],
  ])("sines of position %i", (position, expected) => {
    expect(sin.subarray(position * 4, position * 4 + 4)).toEqual(Float32Array.from(expected));
  });

  test("large positions are computed before rounding to f32", () => {
    const { cos: far } = rotaryTables(config(10_000, 8, { kind: "none" }), 100_001);
    expect(far[400_000]).toBe(Math.fround(Math.cos(100_000)));
  });
});

test("linear", () => {
  expectFrequencies(config(10_000, 8, { kind: "linear", factor: 4 }), { 0: 0.25, 1: 0.025, 3: 0.00025 });
});

test("factors", () => {
  expectFrequencies(config(10_000, 8, { kind: "factors", factors: [1, 2, 4, 8] }), {
    0: 1,
    1: 0.05,
    3: 0.000125,
  });
});

test("llama3, as Llama 3.2 has it", () => {
  const scaling: RopeScaling = {
    kind: "llama3",
    factor: 32,
    lowFrequencyFactor: 1,
    highFrequencyFactor: 4,
    originalContextLength: 8192,
  };
  expectFrequencies(config(500_000, 64, scaling), {
    0: 1,
    5: 0.12868737343265052,
    14: 0.0032114459947525913,
    15: 0.001290547928209264,
    16: 0.00042955679655936815,
    17: 9.70828780262767e-5,
    18: 1.9461638184831125e-5,
    31: 9.418306725434909e-8,
  });
});

describe("yarn", () => {
  const scaling = { kind: "yarn", betaFast: 32, betaSlow: 1, attentionFactor: 1.138629436111989 } as const;

  test("as Qwen2.5 has it", () => {
    const of = config(1_000_000, 128, { ...scaling, factor: 4, originalContextLength: 32_768 });
    expectFrequencies(of, {
      0: 1,
      20: 0.01333521432163324,
      23: 0.006978305848598663,
      24: 0.005375321490790102,
      30: 0.0010643609812470017,
      40: 4.445698525097307e-5,
      63: 3.102344401879299e-7,
    });
  });

  test("where the blend begins before the first dimension", () => {
    const of = config(10_000, 8, { ...scaling, factor: 2, originalContextLength: 128 });
    expectFrequencies(of, { 0: 1, 1: 0.075, 2: 0.005, 3: 0.0005 });
  });

  test("cosines and sines carry the attention factor", () => {
    const of = config(1_000_000, 128, { ...scaling, factor: 4, originalContextLength: 32_768 });
    const { cos, sin } = rotaryTables(of, 8);
    for (let i = 0; i < cos.length; i++) {
      expect(Math.hypot(cos[i] ?? 0, sin[i] ?? 0)).toBeCloseTo(1.138629436111989, 6);
    }
  });
});
