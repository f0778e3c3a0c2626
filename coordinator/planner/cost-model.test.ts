import { expect, test } from "vitest";
import { batchesOf } from "./cost-model.js";

test.each([
  [1, 3, { rows: 1, inFlight: 1 }],
  [2, 3, { rows: 1, inFlight: 2 }],
  // Micro-batches of 2, 1 and 1, whose turn takes as long as three of the mean.
  [4, 3, { rows: 4 / 3, inFlight: 3 }],
  [16, 2, { rows: 8, inFlight: 2 }],
])("%i sequences use every one of %i lanes", (concurrency, laneCount, expected) => {
  expect(batchesOf(concurrency, laneCount)).toEqual(expected);
});
