import { expect, test } from "vitest";
import { predictDecoding } from "./predict.js";
import type { PlanRequest } from "./types.js";

const perRow = { alphaMs: 0, betaMs: 1 };
const nothing = { alphaMs: 0, betaMs: 0 };

/** Two stages of one layer, a millisecond a row each, and links of so many ms. */
function request(roundTripMs: number): PlanRequest {
  const workers = ["a", "b"].map((workerId) => ({
    workerId,
    device: "cpu",
    layerDecode: perRow,
    layerPrefill: perRow,
    embedding: nothing,
    head: nothing,
    freeMemoryBytes: 1e12,
  }));
  const link = { roundTripMs, bytesPerSecond: 1e15 };
  return {
    model: {
      layerCount: 2,
      hiddenSize: 8,
      hiddenBytes: 32,
      kvBytesPerTokenLayer: 1,
      embeddingBytes: 1,
      layerBytes: [1, 1],
      headBytes: 1,
      tiedEmbedding: false,
    },
    workers,
    links: [
      { from: "", to: "a", ...link },
      { from: "a", to: "b", ...link },
      { from: "b", to: "", ...link },
    ],
    concurrency: 4,
    kvTokens: 1,
  };
}

function ratesOf(roundTripMs: number): number[] {
  const pipeline = { assignment: { order: [0, 1], ends: [1, 2] }, laneCount: 3 };
  return predictDecoding(request(roundTripMs), pipeline).map((each) => each.decodeTokensPerSecond);
}

test("the largest micro-batch's way sets the pace where sequences cannot be shared out evenly", () => {
  // 4 sequences are 2, 1 and 1: a turn is 2 + 2 rows and three hops of 2 ms.
  const [one, two, four] = ratesOf(4) as [number, number, number];
  expect(one).toBeCloseTo(1000 / 8, 3);
  expect(two).toBeCloseTo(2000 / 8, 3);
  expect(four).toBeCloseTo(4000 / 10, 3);
});

test("without links the slowest stage does, which takes all rows in turn", () => {
  expect(ratesOf(0).at(-1)).toBeCloseTo(4000 / 4, 3);
});
