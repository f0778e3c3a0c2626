import { describe, expect, test } from "vitest";
import { randomFloats, seededRandom } from "../../test/fixtures/random.js";
import { expNegative } from "./exp-negative.js";
import { type Limit, limitOfBest, limitOfShare } from "./limits.js";

type Values = [name: string, make: (count: number, random: () => number) => Float64Array];

/** Exponents as sampling has them: from 0 down. */
const exponents: Values[] = [
  ["spread out", (count, random) => descending(randomFloats(count, random, 5))],
  ["close together", (count, random) => descending(randomFloats(count, random, 0.01))],
  ["of few values", (count, random) => descending(randomFloats(count, random, 2).map(Math.round))],
  ["all equal", (count) => new Float64Array(count).fill(-3)],
  ["all equal but one", (count) => new Float64Array(count).fill(-40).fill(0, 0, 1)],
  ["in clusters", (count, random) => Float64Array.from({ length: count }, () => -(2 ** (-60 * random())))],
  [
    "closer than numbers divide",
    (count, random) => Float64Array.from({ length: count }, () => -5e-324 * Math.round(3 * random())),
  ],
];

describe.each(exponents)("exponents %s", (_, make) => {
  test("the limit of a share is that of a sort, on the border itself and beside it", () => {
    const random = seededRandom(21);
    for (let round = 0; round < 150; round++) {
      const values = make(1 + Math.floor(random() ** 3 * 3000), random);
      const sums = sumsOf(values);
      const border = sums[Math.floor(random() * sums.length)] as number;
      const shares = [border, border * (1 - 2 ** -52), border * (1 + 2 ** -52), border * (1 + 1e-13)];
      for (const wanted of [...shares, random() * (sums.at(-1) as number), 0, Number.MIN_VALUE]) {
        expect(
          limitOfShare(() => values.slice(), wanted),
          `${wanted} of round ${round}`,
        ).toEqual(shareBySort(values, wanted));
      }
    }
  });

  test("the limit of the best is that of a sort", () => {
    const random = seededRandom(22);
    for (const count of [70, 1200, 5000]) {
      const logits = Float32Array.from(make(count, random));
      for (let id = 0; id < count; id += 7) logits[id] = -Infinity;
      const room = new Float64Array(count);
      for (const k of [1, 2, 60, 1024, 1025, 3000, count - 1].filter((some) => some < count)) {
        expect(keptBy(logits, limitOfBest(logits, k, room)), `${k} of ${count}`).toEqual(
          bestBySort(logits, k),
        );
      }
    }
  });
});

test("nothing is left out where all are wanted, or none is there", () => {
  const logits = Float32Array.of(3, -Infinity, 1);
  expect(keptBy(logits, limitOfBest(logits, 3, new Float64Array(3)))).toEqual([0, 2]);
  expect(limitOfShare(() => new Float64Array(0), 1).value).toBe(-Infinity);
});

function descending(values: Float32Array): Float64Array {
  const largest = values.reduce((most, value) => Math.max(most, value), -Infinity);
  return Float64Array.from(values, (value) => value - largest);
}

/** Sums of weights, the largest first. */
function sumsOf(values: Float64Array): number[] {
  let sum = 0;
  return Array.from(values.slice().sort().reverse(), (value) => {
    sum += expNegative(value);
    return sum;
  });
}

function shareBySort(values: Float64Array, wanted: number): Limit {
  const sorted = values.slice().sort().reverse();
  const found = sumsOf(values).findIndex((sum) => sum >= wanted);
  const place = found < 0 ? sorted.length - 1 : found;
  const value = sorted[place] as number;
  return { value, equals: sorted.subarray(0, place + 1).filter((one) => one === value).length };
}

/** Ids of the tokens that a limit keeps, those that are ruled out left aside. */
function keptBy(logits: Float32Array, { value, equals }: Limit): number[] {
  let left = equals;
  return [...logits.keys()].filter((id) => {
    const logit = logits[id] as number;
    return logit !== -Infinity && (logit > value || (logit === value && left-- > 0));
  });
}

function bestBySort(logits: Float32Array, k: number): number[] {
  const ids = [...logits.keys()].sort((one, other) => {
    const [left, right] = [logits[one] as number, logits[other] as number];
    return left === right ? one - other : right - left;
  });
  return ids
    .slice(0, k)
    .filter((id) => logits[id] !== -Infinity)
    .sort((one, other) => one - other);
}
