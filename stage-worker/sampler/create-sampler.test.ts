import { describe, expect, test } from "vitest";
import { greedySampling } from "../../common/greedy-sampling.js";
import { randomFloats, seededRandom } from "../../test/fixtures/random.js";
import type { SamplingParameters, SequenceOpening } from "../engine/stage-runner.js";
import { createSampler, type Sampler } from "./create-sampler.js";
import { positionRandom } from "./position-random.js";

const plain: SamplingParameters = { ...greedySampling, temperature: 1, seed: 11 };

function opening(sampling: Partial<SamplingParameters>, history: number[] = [], promptLength = 0) {
  return {
    sequenceId: 1,
    history: Uint32Array.from(history),
    promptLength,
    cachedLength: 0,
    cachedBlocks: [],
    sampling: { ...plain, ...sampling },
  };
}

function samplerFor(vocabularySize: number, ...openings: SequenceOpening[]): Sampler {
  const sampler = createSampler(vocabularySize);
  sampler.open(openings);
  return sampler;
}

/** The definition, by sorting everything: the probability of each token. */
function probabilities(
  logits: ArrayLike<number>,
  { sampling, history, promptLength }: SequenceOpening,
  position: number,
) {
  let ranked = Array.from(logits, (logit, id) => {
    let value = Math.fround(logit + (sampling.logitBias.get(id) ?? 0));
    const isSuppressed = sampling.suppressedTokenIds.includes(id);
    if (isSuppressed && position - promptLength < sampling.suppressedUntilLength) value = -Infinity;
    if (history.includes(id)) {
      value = value > 0 ? value / sampling.repetitionPenalty : value * sampling.repetitionPenalty;
    }
    const generated = history.slice(promptLength).filter((token) => token === id).length;
    if (generated > 0) value -= sampling.presencePenalty + generated * sampling.frequencyPenalty;
    return { id, value: Math.fround(value) };
  }).filter(({ value }) => value !== -Infinity);
  ranked.sort((left, right) => right.value - left.value || left.id - right.id);
  const best = ranked[0]?.value ?? 0;
  if (sampling.topK > 0) ranked = ranked.slice(0, sampling.topK);
  const weights = ranked.map(({ value }) => Math.exp((value - best) / sampling.temperature));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let mass = 0;
  const kept = ranked.filter((_, rank) => {
    const before = mass;
    mass += (weights[rank] ?? 0) / total;
    const inNucleus = sampling.topP === 1 || rank === 0 || before < sampling.topP;
    return inNucleus && (weights[rank] ?? 0) >= sampling.minP;
  });
  const keptTotal = kept.reduce((sum, _, rank) => sum + (weights[rank] ?? 0), 0);
  // Top-p draws in order of likelihood, by sixteenths of the exponent; everything else in order of ids.
  const bucket = (value: number): number =>
    sampling.topP < 1 ? Math.floor((best - value) * (1 / sampling.temperature) * 16) : 0;
  return kept
    .map(({ id, value }, rank) => ({
      id,
      bucket: bucket(value),
      probability: (weights[rank] ?? 0) / keptTotal,
    }))
    .sort((left, right) => left.bucket - right.bucket || left.id - right.id);
}

function drawn(
  distribution: readonly { id: number; probability: number }[],
  random: number,
): number | undefined {
  let sum = 0;
  return distribution.find(({ probability }) => {
    sum += probability;
    return sum > random;
  })?.id;
}

function randomSampling(random: () => number, vocabularySize: number): Partial<SamplingParameters> {
  const some = <Value>(...values: Value[]): Value => values[Math.floor(random() * values.length)] as Value;
  const token = (): number => Math.floor(random() * vocabularySize);
  return {
    temperature: some(0.3, 1, 2.5),
    topK: some(0, 0, 1, 3, 20, 1000),
    topP: some(1, 1, 0, 0.1, 0.7, 0.95),
    minP: some(0, 0, 0.05, 0.4, 1),
    repetitionPenalty: some(1, 1.3, 0.8),
    presencePenalty: some(0, 0.5, -1),
    frequencyPenalty: some(0, 0.25),
    logitBias: new Map(some([], [[token(), 3] as const, [token(), -100] as const])),
    suppressedTokenIds: some([], [token(), token()]),
    suppressedUntilLength: some(0, 5, 100),
    seed: Math.floor(random() * 2 ** 53),
  };
}

describe("the token drawn is the one that the definition draws with the same random number", () => {
  test.each([
    ["spread out", 4, false],
    ["sharp", 20, false],
    ["with many equals", 2, true],
  ])("logits %s", (_, spread, rounded) => {
    const random = seededRandom(spread);
    for (let round = 0; round < 400; round++) {
      const size = 2 + Math.floor(random() * 60);
      const logits = randomFloats(size, random, spread).map((value) => (rounded ? Math.round(value) : value));
      const history = Array.from({ length: Math.floor(random() * 12) }, () => Math.floor(random() * size));
      const opened = opening(
        randomSampling(random, size),
        history,
        Math.floor(random() * (history.length + 1)),
      );
      const position = history.length;
      const expected = drawn(
        probabilities(logits, opened, position),
        positionRandom(opened.sampling.seed, position),
      );
      const { tokenId } = samplerFor(size, opened).sample(1, logits, position);
      expect(tokenId, JSON.stringify(opened)).toBe(expected);
    }
  });
});

test("over many positions tokens come as often as their probabilities say", () => {
  const random = seededRandom(9);
  const logits = randomFloats(30, random, 3);
  const opened = opening({ temperature: 0.8, topK: 12, topP: 0.9 });
  const sampler = samplerFor(30, opened);
  const draws = 20_000;
  const counts = new Map<number, number>();
  for (let position = 0; position < draws; position++) {
    const { tokenId } = sampler.sample(1, logits, position);
    counts.set(tokenId, (counts.get(tokenId) ?? 0) + 1);
  }
  const expected = probabilities(logits, opened, 0);
  expect(new Set(counts.keys())).toEqual(new Set(expected.map(({ id }) => id)));
  for (const { id, probability } of expected) {
    const sigma = Math.sqrt(draws * probability * (1 - probability));
    expect(Math.abs((counts.get(id) ?? 0) - draws * probability)).toBeLessThan(4.5 * sigma);
  }
});

describe("a vocabulary of 120,000", () => {
  const size = 120_000;
  const random = seededRandom(10);
  const logits = randomFloats(size, random, 3);

  test.each([
    ["top-p", { topP: 0.9 }],
    ["top-k", { topK: 50 }],
    ["top-k of a third", { topK: 40_000, topP: 0.5 }],
    ["everything", {}],
  ])("%s", (_, sampling) => {
    const opened = opening(sampling);
    const sampler = samplerFor(size, opened);
    const distribution = probabilities(logits, opened, 0);
    for (let position = 0; position < 20; position++) {
      const expected = drawn(distribution, positionRandom(plain.seed, position));
      expect(sampler.sample(1, logits, position).tokenId).toBe(expected);
    }
  });
});

describe("greedy", () => {
  const greedy = { temperature: 0 };

  test("takes the largest, the lowest id of equals", () => {
    const sampler = samplerFor(5, opening(greedy));
    expect(sampler.sample(1, Float32Array.of(-3, 2, 1, 2, 0), 9).tokenId).toBe(1);
    expect(sampler.sample(1, Float32Array.of(-3, -3, -3, -3, -3), 9).tokenId).toBe(0);
  });

  test("after bias, penalties and suppressed tokens", () => {
    const logits = Float32Array.of(1, 2, 3, 2.5);
    const take = (sampling: Partial<SamplingParameters>, history: number[] = [], promptLength = 0): number =>
      samplerFor(4, opening({ ...greedy, ...sampling }, history, promptLength)).sample(
        1,
        logits,
        history.length,
      ).tokenId;
    expect(take({ logitBias: new Map([[0, 5]]) })).toBe(0);
    expect(take({ repetitionPenalty: 1.5 }, [2], 1)).toBe(3);
    expect(take({ presencePenalty: 1 }, [2], 1)).toBe(2);
    expect(take({ presencePenalty: 1 }, [2], 0)).toBe(3);
    expect(take({ frequencyPenalty: 0.3 }, [2, 2], 1)).toBe(2);
    expect(take({ frequencyPenalty: 0.3 }, [2, 2], 0)).toBe(3);
    expect(take({ suppressedTokenIds: [2], suppressedUntilLength: 1 })).toBe(3);
    expect(take({ suppressedTokenIds: [2], suppressedUntilLength: 1 }, [0, 0], 1)).toBe(2);
  });
});

test("tokens that are sampled count for the penalties of the next", () => {
  const sampler = samplerFor(3, opening({ temperature: 0, presencePenalty: 2 }));
  const logits = Float32Array.of(3, 2, 0);
  expect([0, 1, 2].map((position) => sampler.sample(1, logits, position).tokenId)).toEqual([0, 1, 0]);
});

test("the same position gives the same token: after a replay, in other company, after other tokens", () => {
  const random = seededRandom(12);
  const size = 200;
  const steps = Array.from({ length: 30 }, () => randomFloats(size, random, 2));
  const sampling = { temperature: 1.3, topP: 0.95, repetitionPenalty: 1.2, frequencyPenalty: 0.4 };
  const prompt = [3, 4, 5];
  const run = (sampler: Sampler, from: number): number[] =>
    steps.slice(from).map((logits, index) => sampler.sample(1, logits, prompt.length + from + index).tokenId);

  const whole = run(samplerFor(size, opening(sampling, prompt, 3)), 0);
  expect(new Set(whole).size).toBeGreaterThan(5);
  const replayed = samplerFor(
    size,
    { ...opening({ ...sampling, seed: 999 }), sequenceId: 2 },
    opening(sampling, [...prompt, ...whole.slice(0, 10)], 3),
  );
  replayed.sample(2, steps[0] as Float32Array, 3);
  expect(run(replayed, 10)).toEqual(whole.slice(10));
  const otherSeed = samplerFor(size, opening({ ...sampling, seed: 12 }, prompt, 3));
  expect(run(otherSeed, 0)).not.toEqual(whole);
});

test("log-probabilities are the model's own, whatever the sampling", () => {
  const logits = Float32Array.of(1, 3, 3, -2);
  const sum = Math.log(Math.exp(1) + 2 * Math.exp(3) + Math.exp(-2));
  const sampler = samplerFor(
    4,
    opening({ temperature: 0, logitBias: new Map([[3, 50]]), wantLogprobs: true, topLogprobs: 3 }),
  );
  const { tokenId, logprob, top } = sampler.sample(1, logits, 0);
  expect(tokenId).toBe(3);
  expect(logprob).toBeCloseTo(-2 - sum, 10);
  expect(top?.map((entry) => entry.tokenId)).toEqual([1, 2, 0]);
  expect(top?.map((entry) => entry.logprob)).toEqual(
    [3 - sum, 3 - sum, 1 - sum].map((value) => expect.closeTo(value, 10)),
  );
  expect([...logits]).toEqual([1, 3, 3, -2]);
});

test("log-probabilities only where they are wanted, alternatives only as many", () => {
  const logits = Float32Array.of(0, 1);
  expect(samplerFor(2, opening({ temperature: 0 })).sample(1, logits, 0)).toEqual({
    sequenceId: 1,
    tokenId: 1,
  });
  const chosenOnly = samplerFor(2, opening({ temperature: 0, wantLogprobs: true })).sample(1, logits, 0);
  expect(chosenOnly.top).toEqual([]);
});

describe("errors name the sequence", () => {
  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])("a logit of %s", (bad) => {
    const sampler = samplerFor(3, { ...opening({ temperature: 0 }), sequenceId: 77 });
    expect(() => sampler.sample(77, Float32Array.of(0, bad, 1), 4)).toThrow(
      expect.objectContaining({ code: "INTERNAL", message: expect.stringContaining("sequence 77") }),
    );
  });

  test("nothing left to sample", () => {
    for (const temperature of [0, 1]) {
      const opened = opening({ temperature, suppressedTokenIds: [0, 1], suppressedUntilLength: 9 });
      expect(() => samplerFor(2, opened).sample(1, Float32Array.of(0, 1), 0)).toThrow(
        expect.objectContaining({
          code: "FAILED_PRECONDITION",
          message: expect.stringContaining("sequence 1"),
        }),
      );
    }
  });

  test("sequences that are not open, or twice, and logits of another vocabulary", () => {
    const sampler = samplerFor(2, opening({}));
    expect(() => sampler.open([opening({})])).toThrow(/sequence 1 is opened twice/);
    expect(() => sampler.sample(1, new Float32Array(3), 0)).toThrow(/3 logits for a vocabulary of 2/);
    sampler.close([1, 5]);
    expect(() => sampler.sample(1, new Float32Array(2), 0)).toThrow(/sequence 1 was not opened/);
  });

  test.each<[string, Partial<SamplingParameters>, number[]]>([
    ["temperature -1", { temperature: -1 }, []],
    ["temperature NaN", { temperature: Number.NaN }, []],
    ["top_p 1.5", { topP: 1.5 }, []],
    ["min_p -0.1", { minP: -0.1 }, []],
    ["top_k 0.5", { topK: 0.5 }, []],
    ["repetition_penalty 0", { repetitionPenalty: 0 }, []],
    ["frequency_penalty Infinity", { frequencyPenalty: Infinity }, []],
    ["suppressed token id 2", { suppressedTokenIds: [2] }, []],
    ["logit bias for token id 9", { logitBias: new Map([[9, 1]]) }, []],
    ["token id 5", {}, [5]],
  ])("%s", (message, sampling, history) => {
    const sampler = createSampler(2);
    expect(() => sampler.open([opening(sampling, history)])).toThrow(`sequence 1 has ${message}`);
    expect(() => sampler.sample(1, new Float32Array(2), 0)).toThrow(/not opened/);
  });
});
