import { expect, test } from "vitest";
import type { ModelTimes } from "./measure-model.js";
import { throttledTimes } from "./throttled-times.js";

const time = { alphaMs: 1, betaMs: 0.5, points: [{ rows: 4, ms: 3 }] };
const slow = { alphaMs: 3, betaMs: 1.5, points: [{ rows: 4, ms: 9 }] };

const times: ModelTimes = {
  layerDecode: time,
  layerPrefill: time,
  embedding: time,
  head: time,
  stage: { alphaMs: 0.25, betaMs: 0 },
  attentionMsPerToken: 0.001,
  contextTokens: 64,
  disturbance: 0.02,
};

test("every time is a throttle's factor longer, and the machine no busier for it", () => {
  const throttled = throttledTimes(times, 3);
  expect(throttled).toEqual({
    layerDecode: slow,
    layerPrefill: slow,
    embedding: slow,
    head: slow,
    stage: { alphaMs: 0.75, betaMs: 0 },
    attentionMsPerToken: expect.closeTo(0.003, 9),
    contextTokens: 64,
    disturbance: 0.02,
  });
});

test("a factor of 1 changes nothing", () => {
  expect(throttledTimes(times, 1)).toEqual(times);
});
