import { expect, test } from "vitest";
import { linksAmong, modelOf, planRequest, workerOf } from "../../test/fixtures/plan-requests.js";
import { batchesOf, CostModel } from "./cost-model.js";

test.each([
  [1, 3, { rows: 1, inFlight: 1 }],
  [2, 3, { rows: 1, inFlight: 2 }],
  // Micro-batches of 2, 1 and 1, whose turn takes as long as three of the mean.
  [4, 3, { rows: 4 / 3, inFlight: 3 }],
  [16, 2, { rows: 8, inFlight: 2 }],
])("%i sequences use every one of %i lanes", (concurrency, laneCount, expected) => {
  expect(batchesOf(concurrency, laneCount)).toEqual(expected);
});

test("a hop takes as long as its hidden states need in the form in which they travel", () => {
  const workers = [workerOf("a", 1), workerOf("b", 1)];
  const links = linksAmong(["a", "b"], 2, 1_000_000);
  const hopMs = (hiddenBytes: number) =>
    new CostModel(planRequest({ model: modelOf(4, { hiddenSize: 1_000, hiddenBytes }), workers, links }), {
      kind: "decode",
      rows: 8,
    }).hopMs(0, 1);
  expect(hopMs(4_000)).toBe(1 + 32);
  expect(hopMs(2_000)).toBe(1 + 16);
});
