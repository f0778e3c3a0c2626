import { expect, test } from "vitest";
import { deepMedian } from "./deep-median.js";

test("every number's median, whatever it lies in; words are the first one's", () => {
  const round = (ms: number, busy: number, name: string) => ({ ms, stages: [{ name, busy }] });
  expect(deepMedian([round(3, 0.5, "a"), round(1, 0.7, "b"), round(9, 0.6, "c")])).toEqual({
    ms: 3,
    stages: [{ name: "a", busy: 0.6 }],
  });
});

test("what could not be measured in a round does not count there", () => {
  const rounds: [{ rate: number; gpu?: number }, ...{ rate: number; gpu?: number }[]] = [
    { rate: Number.NaN, gpu: 4 },
    { rate: 2 },
    { rate: 4, gpu: 6 },
  ];
  expect(deepMedian(rounds)).toEqual({ rate: 3, gpu: 5 });
});
