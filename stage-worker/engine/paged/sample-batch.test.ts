import { Tensor } from "onnxruntime-node";
import { expect, test } from "vitest";
import { graphOutputs } from "../../../model/graph/stage-graph-io.js";
import { opening } from "../../../test/fixtures/stage-fixtures.js";
import type { Sampler } from "../../sampler/create-sampler.js";
import { logitRows, type SampledRow } from "../ort/sample-rows.js";
import type { RaggedBatch, SamplingParameters } from "../stage-runner.js";
import { BatchSampler } from "./sample-batch.js";

const vocabularySize = 4;

/** A decoding step of these sequences, of which these are sampled. */
function batchOf(sequenceIds: readonly number[], sample = sequenceIds.map(() => true)): RaggedBatch {
  const each = <Value>(value: Value): Value[] => sequenceIds.map(() => value);
  return { lane: 0, sequenceIds, sample, contextLengths: each(5), lengths: each(1), newBlocks: each([]) };
}

/** A sampler that tells by its token from what it chose: 100 for all logits, 200 for a part that decides. */
function samplerThatDecides(decides: (sequenceId: number) => boolean): Sampler {
  return {
    open: () => undefined,
    sample: (sequenceId) => ({ sequenceId, tokenId: 100 }),
    samplePart: (sequenceId) => (decides(sequenceId) ? { sequenceId, tokenId: 200 } : undefined),
    close: () => undefined,
  };
}

/** Outputs of a run in which the most likely token is 1. */
function outputsFor(rows: readonly SampledRow[]): Record<string, Tensor> {
  const wholeRows = logitRows(rows).length;
  return {
    [graphOutputs.best]: new Tensor(
      "int64",
      BigInt64Array.from(rows, () => 1n),
      [rows.length],
    ),
    [graphOutputs.bestLogits]: new Tensor("float32", new Float32Array(rows.length), [rows.length]),
    [graphOutputs.logits]: new Tensor("float32", new Float32Array(wholeRows * vocabularySize), [
      wholeRows,
      vocabularySize,
    ]),
    [graphOutputs.runningSums]: new Tensor(
      "float32",
      Float32Array.from(rows, () => 1),
      [rows.length, 1],
    ),
    [graphOutputs.drawnRuns]: new Tensor("int32", new Int32Array(rows.length), [rows.length, 1]),
    [graphOutputs.drawnLogits]: new Tensor("float32", new Float32Array(rows.length * vocabularySize), [
      rows.length,
      1,
      vocabularySize,
    ]),
  };
}

/** Samples steps of sequences with these settings, and tells the runs that they took: whose rows, needing what. */
function batchSampler(settings: readonly Partial<SamplingParameters>[], decides: (id: number) => boolean) {
  const runs: string[] = [];
  const batchSampler = new BatchSampler(samplerThatDecides(decides), (id) => opening(id, 1, settings[id]));
  const step = async (batch: RaggedBatch) => {
    const input = { kind: "tokens", tokenIds: Uint32Array.from(batch.sequenceIds) } as const;
    const tokens = await batchSampler.sample({ batch, input }, async (work, rows) => {
      const { sequenceIds, sample } = work.batch;
      expect(work.input).toEqual({ kind: "tokens", tokenIds: Uint32Array.from(sequenceIds) });
      expect(sequenceIds.filter((_, index) => sample[index])).toEqual(
        rows.map(({ sequenceId }) => sequenceId),
      );
      const needs = rows.map((row) => `${row.sequenceId} ${row.needs.kind}`);
      runs.push(`${sequenceIds.length}: ${needs.join(", ")}`);
      return outputsFor(rows);
    });
    return tokens.map(({ sequenceId, tokenId }) => `${sequenceId}: ${tokenId}`);
  };
  return { runs, step, batchSampler };
}

const settings = [
  { temperature: 0 },
  { temperature: 1 },
  { temperature: 1 },
  { logitBias: new Map([[1, 1]]) },
];

test("a batch is computed again for the rows that a part does not decide, and for those alone", async () => {
  const { runs, step } = batchSampler(settings, (id) => id !== 1);
  expect(await step(batchOf([3, 1, 2, 0]))).toEqual(["3: 100", "1: 100", "2: 200", "0: 1"]);
  expect(runs).toEqual(["4: 3 logits, 1 part, 2 part, 0 best", "1: 1 logits"]);
});

test("such a sequence takes logits for its next token, and a part after that", async () => {
  const { runs, step } = batchSampler(settings, () => false);
  await step(batchOf([1]));
  await step(batchOf([1]));
  await step(batchOf([1, 2], [false, true]));
  await step(batchOf([1]));
  expect(runs).toEqual([
    ...["1: 1 part", "1: 1 logits", "1: 1 logits"],
    ...["2: 2 part", "1: 2 logits", "1: 1 part", "1: 1 logits"],
  ]);
});

test("a sequence that is closed is begun anew", async () => {
  const { runs, step, batchSampler: sampler } = batchSampler(settings, () => false);
  await step(batchOf([1]));
  sampler.close([1]);
  await step(batchOf([1]));
  expect(runs).toEqual(["1: 1 part", "1: 1 logits", "1: 1 part", "1: 1 logits"]);
});

test("a batch that samples nothing is computed once", async () => {
  const { runs, step } = batchSampler(settings, () => false);
  expect(await step(batchOf([1], [false]))).toEqual([]);
  expect(runs).toEqual(["1: "]);
});
