import { describe, expect, test } from "vitest";
import { greedySampling } from "../../../common/greedy-sampling.js";
import { positionRandom } from "../../sampler/position-random.js";
import type { SamplingParameters } from "../stage-runner.js";
import { isPlainGreedy, type RowNeeds, rowNeeds } from "./row-needs.js";

const promptLength = 10;
const position = 12;
const seed = 5;
const random = positionRandom(seed, position);

function needs(change: Partial<SamplingParameters>): RowNeeds {
  const sampling = { ...greedySampling, temperature: 0.5, seed, ...change };
  return rowNeeds({ sampling, promptLength }, position, 64);
}

function suppressing(untilLength: number): Partial<SamplingParameters> {
  return { suppressedTokenIds: [1], suppressedUntilLength: untilLength };
}

describe("what a token is chosen from", () => {
  test.each<[string, Partial<SamplingParameters>, boolean, number[]]>([
    ["temperature alone", {}, false, [0.5]],
    ["top-p", { topP: 0.9 }, true, [0.5]],
    ["top-p and min-p", { topP: 0.9, minP: 0.1 }, true, [0.5]],
    ["min-p", { minP: 0.1 }, true, []],
    ["min-p and more than enough top-k", { minP: 0.1, topK: 200 }, true, []],
    ["top-k", { topK: 64 }, true, []],
    ["top-k and top-p", { topK: 64, topP: 0.9 }, true, []],
    ["log-probabilities of what is drawn", { wantLogprobs: true }, false, [0.5, 1]],
    ["log-probabilities at temperature 1", { temperature: 1, wantLogprobs: true }, false, [1]],
    ["those of the best, too", { temperature: 1, wantLogprobs: true, topLogprobs: 20 }, true, [1]],
    ["those of a greedy token", { temperature: 0, wantLogprobs: true }, false, [1]],
    ["those and top-k", { topK: 3, wantLogprobs: true }, true, [1]],
    [
      "tokens that are suppressed no more",
      { suppressedTokenIds: [1], suppressedUntilLength: 2 },
      false,
      [0.5],
    ],
    ["a repetition penalty beside top-k", { repetitionPenalty: 1.1, topK: 32, topP: 0.9 }, true, []],
    ["penalties of greedy tokens", { temperature: 0, frequencyPenalty: 0.1 }, true, []],
    ["a bias against tokens, and min-p", { logitBias: new Map([[3, -1]]), minP: 0.1 }, true, []],
    ["suppressed tokens beside top-k", { ...suppressing(3), topK: 3 }, true, []],
  ])("%s: a part", (_name, change, top, temperatures) => {
    expect(needs(change)).toEqual({ kind: "part", top, temperatures, random });
  });

  test.each<[string, Partial<SamplingParameters>]>([
    ["a repetition penalty", { repetitionPenalty: 1.1 }],
    ["a presence penalty", { presencePenalty: 0.1 }],
    ["a frequency penalty and top-p", { frequencyPenalty: 0.1, topP: 0.9 }],
    ["a penalty beside top-k that leaves few to spare", { frequencyPenalty: 0.1, topK: 33 }],
    ["a bias for a token", { logitBias: new Map([[3, 1]]), topK: 3 }],
    ["penalties that are rewards", { presencePenalty: -1, topK: 3 }],
    ["a repetition penalty that is one", { repetitionPenalty: 0.9, temperature: 0 }],
    ["suppressed tokens", suppressing(3)],
    ["top-k beyond the best", { topK: 65 }],
    ["top-k beyond the best and top-p", { topK: 65, topP: 0.5 }],
    ["more log-probabilities than the best", { wantLogprobs: true, topLogprobs: 65 }],
  ])("%s: all logits", (_name, change) => {
    expect(needs(change)).toEqual({ kind: "logits" });
  });

  test("greedy: the largest, also once no token is suppressed any more", () => {
    expect(needs({ temperature: 0 })).toEqual({ kind: "best" });
    expect(needs({ temperature: 0, ...suppressing(2) })).toEqual({ kind: "best" });
    expect(needs({ temperature: 0, ...suppressing(3) })).toMatchObject({ kind: "part", top: true });
  });
});

test("plain greedy is what nothing changes at any length", () => {
  expect(isPlainGreedy(greedySampling)).toBe(true);
  const changes: Partial<SamplingParameters>[] = [
    { temperature: 0.1 },
    { wantLogprobs: true },
    { suppressedTokenIds: [1] },
    { logitBias: new Map([[3, 1]]) },
    { repetitionPenalty: 2 },
  ];
  for (const change of changes) expect(isPlainGreedy({ ...greedySampling, ...change })).toBe(false);
});
