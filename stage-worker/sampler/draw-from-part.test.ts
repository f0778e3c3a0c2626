import { describe, expect, test } from "vitest";
import { greedySampling } from "../../common/greedy-sampling.js";
import { randomFloats, seededRandom } from "../../test/fixtures/random.js";
import { partOf } from "../../test/fixtures/row-part.js";
import { type PartNeeds, rowNeeds } from "../engine/ort/row-needs.js";
import type { SampledToken, SamplingParameters } from "../engine/stage-runner.js";
import { createSampler, type Sampler } from "./create-sampler.js";
import { type RowPart, totalWeight } from "./row-part.js";

const topCount = 64;

function samplerFor(vocabularySize: number, sampling: SamplingParameters): Sampler {
  const sampler = createSampler(vocabularySize);
  const empty = { history: new Uint32Array(0), promptLength: 0, cachedLength: 0, cachedBlocks: [] };
  sampler.open([{ sequenceId: 1, ...empty, sampling }]);
  return sampler;
}

function sampling(change: Partial<SamplingParameters>): SamplingParameters {
  return { ...greedySampling, temperature: 1, seed: 11, ...change };
}

/** What a GPU would tell of a row of a sequence that needs a part. */
function partFor(logits: Float32Array, given: SamplingParameters, position: number): RowPart {
  return partOf(logits, rowNeeds({ sampling: given, promptLength: 0 }, position, topCount) as PartNeeds);
}

/** Log-probabilities as far as sums of f32 tell them. */
function near({ logprob, top, ...token }: SampledToken) {
  const close = (value: number) => expect.closeTo(value, 5);
  return {
    ...token,
    ...(logprob !== undefined && { logprob: close(logprob) }),
    ...(top && { top: top.map((entry) => ({ ...entry, logprob: close(entry.logprob) })) }),
  };
}

describe("a part gives the token that all logits give", () => {
  test.each<[string, Partial<SamplingParameters>, number]>([
    ["top-k", { topK: 40 }, 3],
    ["top-k at the limit", { topK: 64, temperature: 2 }, 3],
    ["top-k and top-p", { topK: 50, topP: 0.8, temperature: 1.5 }, 3],
    ["top-k and min-p", { topK: 20, minP: 0.05 }, 3],
    ["top-k, top-p and min-p", { topK: 64, topP: 0.95, minP: 0.01, temperature: 0.7 }, 3],
    ["temperature", {}, 3],
    ["a high temperature", { temperature: 4 }, 3],
    ["a low temperature", { temperature: 0.01 }, 3],
    ["top-p", { topP: 0.9 }, 8],
    ["top-p of nothing but the best", { topP: 0 }, 3],
    ["top-p and min-p", { topP: 0.95, minP: 0.02 }, 8],
    ["min-p", { minP: 0.2 }, 3],
    ["min-p beside more than enough top-k", { minP: 0.2, topK: 300 }, 3],
    ["greedy with log-probabilities", { temperature: 0, wantLogprobs: true, topLogprobs: 20 }, 3],
    ["log-probabilities at another temperature", { temperature: 2, wantLogprobs: true }, 3],
    ["log-probabilities and top-p", { topP: 0.8, wantLogprobs: true, topLogprobs: 5 }, 8],
  ])("%s", (_name, change, spread) => {
    const random = seededRandom(5);
    const given = sampling(change);
    const sampler = samplerFor(512, given);
    const drawn = new Set<number>();
    for (let position = 0; position < 300; position++) {
      // Coarse, so that equals lie at the limit.
      const logits = randomFloats(512, random, spread).map((value) => Math.round(value * 4) / 4);
      const token = sampler.samplePart(1, partFor(logits, given, position), position);
      expect(token).toEqual(near(sampler.sample(1, logits, position)));
      drawn.add(token?.tokenId ?? -1);
    }
    expect(drawn.size).toBeGreaterThan(100);
  });

  test("over a vocabulary of 128,256, where it decides", () => {
    const random = seededRandom(6);
    const size = 128_256;
    for (const change of [{}, { topP: 0.9 }, { minP: 0.1 }]) {
      const given = sampling(change);
      const sampler = samplerFor(size, given);
      for (let position = 0; position < 2; position++) {
        const logits = randomFloats(size, random, 60);
        const token = sampler.samplePart(1, partFor(logits, given, position), position);
        expect(token?.tokenId).toBe(sampler.sample(1, logits, position).tokenId);
      }
    }
  });

  test("a vocabulary that is smaller than what is given is taken as a whole", () => {
    const logits = randomFloats(20, seededRandom(1), 1);
    for (const change of [{ topK: 40 }, { topP: 0.99 }, { minP: 0.001 }]) {
      const given = sampling(change);
      const sampler = samplerFor(20, given);
      for (let position = 0; position < 50; position++) {
        const { tokenId } = sampler.sample(1, logits, position);
        expect(sampler.samplePart(1, partFor(logits, given, position), position)?.tokenId).toBe(tokenId);
      }
    }
  });
});

test.each<[string, Partial<SamplingParameters>]>([
  ["a repetition penalty", { repetitionPenalty: 1.3, topK: 20, topP: 0.8 }],
  ["presence and frequency penalties", { presencePenalty: 0.5, frequencyPenalty: 0.05, topK: 20 }],
  ["penalties of greedy tokens", { temperature: 0, repetitionPenalty: 1.2, presencePenalty: 1 }],
  ["penalties and min-p", { frequencyPenalty: 0.1, minP: 0.3 }],
  ["penalties and log-probabilities", { frequencyPenalty: 0.2, topK: 5, wantLogprobs: true, topLogprobs: 4 }],
  ["suppressed tokens", { suppressedTokenIds: [1, 2, 3, 4, 5], suppressedUntilLength: 1000, topK: 10 }],
  [
    "tokens with a bias against them",
    { logitBias: new Map([[7, -3] as const, [9, -100] as const]), topK: 30 },
  ],
])("%s: a part decides mostly, and as all logits do", (_name, change) => {
  const random = seededRandom(12);
  const given = sampling(change);
  const [byPart, byAll] = [samplerFor(512, given), samplerFor(512, given)];
  // Few favourites, so that tokens come again.
  const favour = randomFloats(512, random, 3);
  let decided = 0;
  for (let position = 0; position < 300; position++) {
    const logits = randomFloats(512, random, 1).map(
      (value, id) => Math.round((value + (favour[id] ?? 0)) * 8) / 8,
    );
    const token = byPart.samplePart(1, partFor(logits, given, position), position);
    const expected = byAll.sample(1, logits, position);
    if (token === undefined) byPart.sample(1, logits, position);
    else expect(token).toEqual(near(expected));
    if (token !== undefined) decided += 1;
  }
  expect(decided).toBeGreaterThan(150);
});

test("what is left of the best after penalties decides only as far as no other can be above it", () => {
  const logits = Float32Array.from({ length: 512 }, (_, id) => (id < 64 ? 10 : 9.5));
  const given = sampling({
    temperature: 0,
    suppressedTokenIds: [...Array(64).keys()],
    suppressedUntilLength: 9,
  });
  expect(samplerFor(512, given).samplePart(1, partFor(logits, given, 0), 0)).toBeUndefined();
  const penalty = sampling({
    temperature: 0,
    logitBias: new Map([...Array(64).keys()].map((id) => [id, -1])),
  });
  expect(samplerFor(512, penalty).sample(1, logits, 0).tokenId).toBe(64);
  expect(samplerFor(512, penalty).samplePart(1, partFor(logits, penalty, 0), 0)).toBeUndefined();
});

test("top-p that lets in a little more than the best is mostly decided, and then as by all logits", () => {
  const random = seededRandom(8);
  const given = sampling({ topP: 0.95 });
  const sampler = samplerFor(1024, given);
  let decided = 0;
  let beyond = 0;
  for (let position = 0; position < 300; position++) {
    const logits = randomFloats(1024, random, 6);
    const part = partFor(logits, given, position);
    const weights = Array.from(part.top?.logits ?? [], (logit) => Math.exp(logit - part.largest));
    const mass = weights.reduce((one, other) => one + other, 0);
    if (mass > 0.95 * (totalWeight(part, 1) as number)) continue;
    beyond += 1;
    const token = sampler.samplePart(1, part, position);
    if (token === undefined) continue;
    decided += 1;
    expect(token).toEqual(sampler.sample(1, logits, position));
  }
  expect(beyond).toBeGreaterThan(100);
  expect(decided / beyond).toBeGreaterThan(0.6);
});

describe("a part does not decide", () => {
  test.each<[string, Partial<SamplingParameters>]>([
    ["where top-p lets in more than the best", { topP: 0.9 }],
    ["where min-p does", { minP: 0.1 }],
    ["where both do", { topP: 0.9, minP: 0.1 }],
    ["where top-p is none, but for rounding", { topP: 1 - 2 ** -30 }],
  ])("%s", (_name, change) => {
    const given = sampling({ ...change, temperature: 5000 });
    const logits = randomFloats(512, seededRandom(3), 3);
    expect(samplerFor(512, given).samplePart(1, partFor(logits, given, 0), 0)).toBeUndefined();
  });

  test("where sums or best tokens that it takes are missing", () => {
    const logits = randomFloats(512, seededRandom(3), 8);
    for (const change of [{}, { topP: 0.5 }, { topK: 3 }, { topK: 3, wantLogprobs: true }]) {
      const { bestToken, largest } = partFor(logits, sampling(change), 0);
      const sampler = samplerFor(512, sampling(change));
      expect(sampler.samplePart(1, { bestToken, largest, sums: [] }, 0)).toBeUndefined();
    }
  });
});

test("min-p decides where top-p alone would not", () => {
  const [topP, both] = [sampling({ topP: 0.99 }), sampling({ topP: 0.99, minP: 0.3 })];
  const [first, second] = [samplerFor(512, topP), samplerFor(512, both)];
  const logits = randomFloats(512, seededRandom(3), 2);
  let undecided = 0;
  for (let position = 0; position < 50; position++) {
    const part = partFor(logits, both, position);
    if (first.samplePart(1, part, position) === undefined) undecided += 1;
    expect(second.samplePart(1, part, position)).toEqual(second.sample(1, logits, position));
  }
  expect(undecided).toBeGreaterThan(10);
});

test("where sums are larger than the weights, the last token that has one is drawn", () => {
  const logits = new Float32Array(512).fill(-200);
  logits[300] = 0;
  logits[310] = -1;
  const given = sampling({});
  const part = partOf(logits, { kind: "part", top: false, temperatures: [1], random: 1 - 2 ** -23 });
  const sums = part.sums.map((sum) => ({ ...sum, running: sum.running.map((value) => value * 10) }));
  const sampler = samplerFor(512, given);
  const drawn = Array.from({ length: 50 }, (_, position) =>
    sampler.samplePart(1, { ...part, sums }, position),
  );
  expect(new Set(drawn.map((token) => token?.tokenId))).toEqual(new Set([300, 310]));
  expect(drawn.filter((token) => token?.tokenId === 310).length).toBeGreaterThan(40);
});

test("a sequence that was not opened is named", () => {
  const sampler = samplerFor(10, sampling({}));
  expect(() => sampler.samplePart(7, { bestToken: 1, largest: 1, sums: [] }, 0)).toThrow(/sequence 7/);
});
