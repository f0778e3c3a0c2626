import { expect, test } from "vitest";
import { freshPrompts, makeWorkload } from "./workload.js";

const options = { requests: 50, promptTokens: 32, outputTokens: 8, vocabularySize: 5000, seed: 3 };

test("a seed decides everything", () => {
  expect(makeWorkload(options)).toEqual(makeWorkload(options));
  expect(makeWorkload(options)).not.toEqual(makeWorkload({ ...options, seed: 4 }));
});

test("prompts are ordinary tokens of the vocabulary and share no beginning", () => {
  const requests = makeWorkload(options);
  for (const { promptIds } of requests) {
    expect(promptIds).toHaveLength(32);
    expect(promptIds.every((id) => id >= 1000 && id < 5000)).toBe(true);
  }
  expect(new Set(requests.map(({ promptIds }) => promptIds.slice(0, 4).join())).size).toBe(50);
});

test("a rate spaces arrivals by its mean", () => {
  const requests = makeWorkload({ ...options, requests: 2000, requestRate: 10 });
  expect((requests.at(-1)?.arrivalMs ?? 0) / 2000).toBeCloseTo(100, -1);
  expect(makeWorkload(options).every(({ arrivalMs }) => arrivalMs === 0)).toBe(true);
});

test("a vocabulary smaller than the control range still works", () => {
  const [request] = makeWorkload({ ...options, vocabularySize: 512 });
  expect(request?.promptIds.every((id) => id < 512)).toBe(true);
});

test("fresh prompts keep arrivals and lengths and change the tokens", () => {
  const workload = makeWorkload({
    requests: 5,
    promptTokens: 6,
    outputTokens: 7,
    vocabularySize: 5000,
    requestRate: 3,
    seed: 1,
  });
  const fresh = freshPrompts(workload, 5000, 2);
  const shape = (requests: typeof workload) =>
    requests.map(({ arrivalMs, promptIds, outputTokens }) => [arrivalMs, promptIds.length, outputTokens]);
  expect(shape(fresh)).toEqual(shape(workload));
  for (const [index, { promptIds }] of fresh.entries())
    expect(promptIds).not.toEqual(workload[index]?.promptIds);
});
