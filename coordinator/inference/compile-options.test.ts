import { describe, expect, it } from "vitest";
import { compileOptions } from "./compile-options.js";
import type { GenerationDefaults, RequestOptions } from "./request.js";

function compile(options: RequestOptions, defaults: GenerationDefaults = {}) {
  return compileOptions(options, { vocabularySize: 100, maxContext: 64, endTokenIds: [99, 98], defaults });
}

describe("defaults", () => {
  it("are the server's where neither request nor model says anything", () => {
    const { sampling, stopTokenIds, maxTokens } = compile({});
    expect(sampling).toMatchObject({
      temperature: 1,
      topK: 0,
      topP: 1,
      minP: 0,
      repetitionPenalty: 1,
      presencePenalty: 0,
      frequencyPenalty: 0,
      logitBias: [],
      suppressedTokenIds: [],
      suppressedUntilLength: 0,
      wantLogprobs: false,
      topLogprobs: 0,
    });
    expect([...stopTokenIds]).toEqual([99, 98]);
    expect(maxTokens).toBeUndefined();
  });

  it("are the model's before the server's, and the request's before the model's", () => {
    const model = { temperature: 0.6, topK: 20, topP: 0.95, minP: 0.05, repetitionPenalty: 1.1 };
    expect(compile({}, model).sampling).toMatchObject(model);
    expect(compile({ temperature: 0, topK: -1 }, model).sampling).toMatchObject({
      temperature: 0,
      topK: 0,
      topP: 0.95,
    });
  });

  it("choose a new seed below 2^53 each time", () => {
    const seeds = Array.from({ length: 8 }, () => compile({}).sampling.seed);
    expect(new Set(seeds).size).toBe(8);
    expect(seeds.every((seed) => Number.isSafeInteger(seed) && seed >= 0)).toBe(true);
    expect(compile({ seed: 7 }).sampling.seed).toBe(7);
  });
});

describe("stops", () => {
  it("leave the model's end tokens out when they are to be ignored, never the request's own", () => {
    expect([...compile({ ignoreEos: true, stopTokenIds: [5] }).stopTokenIds]).toEqual([5]);
  });

  it("are suppressed until min_tokens, also those that are ignored", () => {
    const { sampling } = compile({ minTokens: 3, ignoreEos: true, stopTokenIds: [5, 99] });
    expect(sampling).toMatchObject({ suppressedTokenIds: [99, 98, 5], suppressedUntilLength: 3 });
  });
});

it("turns a top_k as large as the vocabulary off", () => {
  expect(compile({ topK: 100 }).sampling.topK).toBe(0);
  expect(compile({ topK: 99 }).sampling.topK).toBe(99);
});

it("tells log-probabilities of chosen tokens from none at all", () => {
  expect(compile({ logprobs: 0 }).sampling).toMatchObject({ wantLogprobs: true, topLogprobs: 0 });
  expect(compile({ logprobs: 20 }).sampling).toMatchObject({ wantLogprobs: true, topLogprobs: 20 });
});

const many = Array.from({ length: 17 }, (_, index) => `stop ${index}`);

it.each<[string, RequestOptions, string]>([
  ["temperature", { temperature: Number.NaN }, "NaN"],
  ["temperature", { temperature: -0.1 }, "from 0 to 100"],
  ["temperature", { temperature: Number.POSITIVE_INFINITY }, "Infinity"],
  ["top_p", { topP: 0 }, "above 0, up to 1"],
  ["top_p", { topP: 1.01 }, "1.01"],
  ["min_p", { minP: -1 }, "from 0 to 1"],
  ["top_k", { topK: -2 }, "-2"],
  ["top_k", { topK: 1.5 }, "whole number"],
  ["repetition_penalty", { repetitionPenalty: 0 }, "above 0"],
  ["presence_penalty", { presencePenalty: 2.5 }, "from -2 to 2"],
  ["frequency_penalty", { frequencyPenalty: Number.NaN }, "NaN"],
  ["seed", { seed: 2 ** 53 }, "9007199254740992"],
  ["seed", { seed: -2 }, "-2"],
  ["max_tokens", { maxTokens: 0 }, "from 1"],
  ["max_tokens", { maxTokens: Number.NaN }, "NaN"],
  ["min_tokens", { minTokens: 65 }, "from 0 to 64"],
  ["logprobs", { logprobs: 21 }, "from 0 to 20"],
  ["stop", { stop: [""] }, "1 to 1024"],
  ["stop", { stop: many }, "17"],
  ["stop", { stop: ["\udfff"] }, "surrogate"],
  ["stop_token_ids", { stopTokenIds: [100] }, "0 to 99"],
  ["stop_token_ids", { stopTokenIds: [1.5] }, "1.5"],
  ["logit_bias", { logitBias: new Map([[100, 1]]) }, "0 to 99"],
  ["logit_bias", { logitBias: new Map([[1, 101]]) }, "101"],
  ["logit_bias", { logitBias: new Map([[1, Number.NaN]]) }, "NaN"],
])("refuses %s of %j, naming %s", (param, options, named) => {
  const message = expect.stringContaining(named);
  expect(() => compile(options)).toThrow(
    expect.objectContaining({
      code: "INVALID_ARGUMENT",
      message,
      details: expect.objectContaining({ param }),
    }),
  );
});
