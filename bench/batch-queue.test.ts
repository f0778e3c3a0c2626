import { expect, test } from "vitest";
import { BatchQueue, type BatchRequest, type BatchSlice } from "./batch-queue.js";

function request(promptTokens: number, outputTokens: number): BatchRequest {
  return { promptIds: Array.from({ length: promptTokens }, (_, index) => 100 + index), outputTokens };
}

function brief(batch: readonly BatchSlice[]): string[] {
  return batch.map(
    ({ sequence, position, tokens, samples }) =>
      `${sequence}: ${position}+${tokens.length}${samples ? " samples" : ""}`,
  );
}

/** Computes a batch, where token t follows whatever samples. */
function step(queue: BatchQueue<BatchRequest>, token: number): string[] {
  const batch = queue.next();
  queue.take(batch.filter(({ samples }) => samples).map(() => token));
  return brief(batch);
}

test("a batch holds a token of each decoding sequence and fills up with prompts", () => {
  const queue = new BatchQueue<BatchRequest>({ sequences: 3, batchTokens: 10 });
  for (let count = 0; count < 3; count++) queue.add(request(6, 3));
  expect(step(queue, 7)).toEqual(["0: 0+6 samples", "1: 0+4"]);
  expect(step(queue, 8)).toEqual(["0: 6+1 samples", "1: 4+2 samples", "2: 0+6 samples"]);
  expect(step(queue, 9)).toEqual(["0: 7+1 samples", "1: 6+1 samples", "2: 6+1 samples"]);
  expect(step(queue, 9)).toEqual(["1: 7+1 samples", "2: 7+1 samples"]);
  expect(step(queue, 9)).toEqual([]);
});

test("a prompt longer than a batch is computed in pieces, its tokens in order", () => {
  const queue = new BatchQueue<BatchRequest>({ sequences: 1, batchTokens: 4 });
  queue.add(request(9, 1));
  const pieces: number[] = [];
  for (let batch = queue.next(); batch.length > 0; batch = queue.next()) {
    pieces.push(...batch.flatMap(({ tokens }) => tokens));
    queue.take(batch.filter(({ samples }) => samples).map(() => 1));
  }
  expect(pieces).toEqual(request(9, 1).promptIds);
});

test("what was sampled goes to its request and into the next batch", () => {
  const queue = new BatchQueue<BatchRequest>({ sequences: 2, batchTokens: 8 });
  const [first, second] = [request(2, 2), request(3, 1)];
  queue.add(first);
  queue.add(second);
  queue.next();
  expect(queue.take([41, 42])).toEqual([
    { request: first, token: 41, last: false, sequence: 0 },
    { request: second, token: 42, last: true, sequence: 1 },
  ]);
  expect(queue.next()).toEqual([{ sequence: 0, position: 2, tokens: [41], samples: true }]);
  expect(queue.take([43])).toEqual([{ request: first, token: 43, last: true, sequence: 0 }]);
});

test("requests beyond the sequences wait and take the lowest that comes free, in its place", () => {
  const queue = new BatchQueue<BatchRequest>({ sequences: 2, batchTokens: 8 });
  queue.add(request(2, 1));
  queue.add(request(2, 3));
  queue.add(request(4, 1));
  expect(step(queue, 1)).toEqual(["0: 0+2 samples", "1: 0+2 samples"]);
  expect(step(queue, 1)).toEqual(["0: 0+4 samples", "1: 2+1 samples"]);
  expect(step(queue, 1)).toEqual(["1: 3+1 samples"]);
});

test("every sequence decodes even where a batch was to be smaller", () => {
  const queue = new BatchQueue<BatchRequest>({ sequences: 3, batchTokens: 2 });
  for (let count = 0; count < 3; count++) queue.add(request(1, 2));
  expect(step(queue, 1)).toHaveLength(3);
  expect(step(queue, 1)).toHaveLength(3);
});
