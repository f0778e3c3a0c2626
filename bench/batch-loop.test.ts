import { expect, test } from "vitest";
import { BatchLoop } from "./batch-loop.js";
import type { BatchSlice } from "./batch-queue.js";
import type { Batches } from "./llama-batches.js";
import { generateLoad } from "./load-generator.js";
import { makeWorkload } from "./workload.js";

const limits = { sequences: 3, batchTokens: 64 };
const signal = new AbortController().signal;
const workload = makeWorkload({
  requests: 7,
  promptTokens: 20,
  outputTokens: 4,
  vocabularySize: 2000,
  seed: 1,
});

/** A model in which position p is followed by token p. */
class CountingBatches implements Batches {
  readonly sizes: number[] = [];
  readonly cleared: number[] = [];

  async compute(batch: readonly BatchSlice[]): Promise<number[]> {
    this.sizes.push(batch.length);
    return batch.filter(({ samples }) => samples).map(({ position, tokens }) => position + tokens.length);
  }

  clear(sequence: number): void {
    this.cleared.push(sequence);
  }
}

async function collect(tokens: AsyncIterable<number>): Promise<number[]> {
  const all: number[] = [];
  for await (const token of tokens) all.push(token);
  return all;
}

test("a request gets its own tokens, one a batch", async () => {
  const loop = new BatchLoop(new CountingBatches(), limits);
  const read = async (promptTokens: number, outputTokens: number): Promise<number[]> => {
    const promptIds = Array.from({ length: promptTokens }, () => 1);
    return await collect(loop.generate({ promptIds, outputTokens }));
  };
  expect(await Promise.all([read(5, 3), read(9, 2)])).toEqual([
    [5, 6, 7],
    [9, 10],
  ]);
  expect(await read(4, 1)).toEqual([4]);
});

test("the next requests join the batch after the last tokens of others", async () => {
  const batches = new CountingBatches();
  const loop = new BatchLoop(batches, limits);
  const times = await generateLoad(workload, (request) => loop.generate(request), { concurrency: 3, signal });
  expect(times).toHaveLength(7);
  expect(batches.sizes).toEqual([3, 3, 3, 3].concat([3, 3, 3, 3]).concat([1, 1, 1, 1]));
  expect(batches.cleared).toEqual([0, 1, 2, 0, 1, 2, 0]);
});

test("a batch that fails fails every request", async () => {
  const batches: Batches = {
    compute: async () => {
      throw new Error("no room for the batch");
    },
    clear: () => undefined,
  };
  const loop = new BatchLoop(batches, limits);
  const ends = await Promise.allSettled(workload.map((request) => collect(loop.generate(request))));
  expect(ends.map(({ status }) => status)).toEqual(workload.map(() => "rejected"));
  expect(ends[0]).toMatchObject({ reason: { code: "INTERNAL", message: "no room for the batch" } });
});
