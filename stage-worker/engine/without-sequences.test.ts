import { expect, test } from "vitest";
import { batchOf } from "../../test/fixtures/stage-fixtures.js";
import { withoutSequences } from "./without-sequences.js";

const batch = batchOf([
  { id: 1 },
  { id: 2, length: 2, context: 5, blocks: [3], sample: false },
  { id: 3, length: 3, blocks: [4] },
]);

test("work without such sequences stays what it is", () => {
  const work = { batch, input: { kind: "tokens" as const, tokenIds: Uint32Array.of(1, 2, 3, 4, 5, 6) } };
  expect(withoutSequences(work, new Set([9]))).toBe(work);
});

test("token ids of sequences leave with their slices", () => {
  const work = { batch, input: { kind: "tokens" as const, tokenIds: Uint32Array.of(1, 2, 3, 4, 5, 6) } };
  expect(withoutSequences(work, new Set([1, 3]))).toEqual({
    batch: batchOf([{ id: 2, length: 2, context: 5, blocks: [3], sample: false }]),
    input: { kind: "tokens", tokenIds: Uint32Array.of(2, 3) },
  });
});

test("hidden states of sequences leave with their slices", () => {
  const hidden = Float32Array.from({ length: 12 }, (_, index) => index);
  const { input } = withoutSequences(
    { batch, input: { kind: "hidden", dtype: "FLOAT32", data: hidden } },
    new Set([2]),
  );
  expect(input).toEqual({
    kind: "hidden",
    dtype: "FLOAT32",
    data: Float32Array.of(0, 1, 6, 7, 8, 9, 10, 11),
  });
});
