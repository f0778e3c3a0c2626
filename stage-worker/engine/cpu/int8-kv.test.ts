import { describe, expect, it } from "vitest";
import {
  lastLogits,
  pipeline,
  relativeError,
  stages,
  tokensOf,
} from "../../../test/fixtures/cpu-pipeline.js";
import { referenceLogits } from "../../../test/fixtures/reference-model.js";
import { roundPacked } from "../../../test/fixtures/round-packed.js";
import { opening } from "../../../test/fixtures/stage-fixtures.js";
import { packTiny, type TinyModelOptions, tinySource } from "../../../test/fixtures/tiny-model.js";
import type { StageRunner } from "../stage-runner.js";

/** Activations, keys, values and shares are rounded to 8 bits: a few hundredths after three layers. */
const rounding = 0.06;

describe("KV of 8-bit integers", () => {
  const models: Record<string, TinyModelOptions["config"]> = {
    "a key for each query": { headCount: 4, kvHeadCount: 4 },
    "two queries a key": {},
    "three queries a key": { headCount: 6, kvHeadCount: 2 },
    "neighbouring pairs off": { ropeInterleaved: false },
    "half of a head turned": { ropeDimension: 8 },
  };
  it.each(Object.entries(models))(
    "goes on from a prompt as the reference does, past its steps of capacity: %s",
    async (_name, config = {}) => {
      const { driver, sampler, weights, manifest } = await pipeline(
        { config: { layerCount: 1, ...config } },
        {},
        "int8",
      );
      for (const length of [1, 31]) {
        const [text, next] = [tokensOf(length, length), [5, 6, 7]];
        const expected = referenceLogits(manifest.config, weights, [...text, ...next]).slice(length);
        driver.open(length, { wantLogprobs: true });
        await driver.step([{ id: length, tokens: text }]);
        for (const [index, token] of next.entries()) {
          await driver.step([{ id: length, tokens: [token] }]);
          const error = relativeError(sampler.logits.get(length), expected[index] as Float64Array);
          expect(error).toBeLessThan(rounding);
        }
      }
    },
  );

  it("reads a prompt in chunks of any length", async () => {
    const { driver, sampler, weights, manifest } = await pipeline({}, {}, "rounded");
    const text = tokensOf(75, 4);
    const expected = lastLogits(manifest, weights, text);
    for (const [id, chunks] of [[75], [32, 32, 11], [1, 70, 1, 1, 2], [40, ...Array(35).fill(1)]].entries()) {
      driver.open(id, { wantLogprobs: true });
      let start = 0;
      for (const length of chunks) {
        const end = start + length;
        await driver.step([{ id, tokens: text.slice(start, end), sample: end === text.length }]);
        start = end;
      }
      expect(relativeError(sampler.logits.get(id), expected)).toBeLessThan(rounding);
    }
  });

  it("gives a sequence the same bits alone and beside others that join, leave and change places", async () => {
    const { driver, sampler } = await pipeline({}, { maxSequences: 8 }, "rounded");
    const own = tokensOf(20, 1);
    const decode = async (id: number, others: readonly number[]) => {
      const seen: Float32Array[] = [];
      driver.open(id, { wantLogprobs: true });
      for (const other of others) driver.open(other);
      await driver.step([
        { id, tokens: own },
        ...others.map((other) => ({ id: other, tokens: tokensOf(3 + 4 * (other % 5), other) })),
      ]);
      for (let step = 0; step < 9; step++) {
        const here = others.filter((other) => (other + step) % 3 > 0);
        const slices = [
          ...here.map((other) => ({ id: other, tokens: [other % 50] })),
          { id, tokens: [step] },
        ];
        await driver.step(slices);
        seen.push(sampler.logits.get(id) as Float32Array);
      }
      driver.close(id, ...others);
      return seen;
    };
    expect(await decode(2, [10, 11, 12, 13, 14])).toEqual(await decode(1, []));
  });

  it("computes chunks of different lengths and steps in one run as each alone", async () => {
    const together = await pipeline({}, { maxSequences: 8, maxContext: 200 }, "rounded");
    const alone = await pipeline({}, { maxSequences: 8, maxContext: 200 }, "rounded");
    const steps = [
      [
        { id: 1, tokens: tokensOf(9, 1) },
        { id: 2, tokens: tokensOf(1, 2) },
        { id: 3, tokens: tokensOf(12, 3) },
        { id: 6, tokens: tokensOf(120, 9) },
        { id: 7, tokens: tokensOf(125, 10) },
      ],
      [
        { id: 1, tokens: tokensOf(7, 4) },
        { id: 2, tokens: [5] },
        { id: 3, tokens: tokensOf(40, 6) },
        { id: 4, tokens: [7] },
        { id: 5, tokens: tokensOf(3, 8) },
        { id: 6, tokens: tokensOf(20, 11) },
        { id: 7, tokens: tokensOf(25, 12) },
      ],
      [1, 2, 3, 4, 5, 6, 7].map((id) => ({ id, tokens: [id] })),
    ];
    for (const id of [1, 2, 3, 4, 5, 6, 7]) {
      together.driver.open(id, { wantLogprobs: true });
      alone.driver.open(id, { wantLogprobs: true });
    }
    for (const slices of steps) {
      await together.driver.step(slices);
      for (const slice of slices) {
        await alone.driver.step([slice]);
        const expected = Float64Array.from(alone.sampler.logits.get(slice.id) ?? []);
        expect(relativeError(together.sampler.logits.get(slice.id), expected)).toBeLessThan(rounding / 4);
      }
    }
  });

  it("names the sequence whose hidden state is not finite", async () => {
    const packed = await roundPacked(await packTiny(tinySource(), "f32"));
    const [runner] = (await stages(packed, [[2, 3]], { embedding: false })) as [StageRunner];
    runner.open([opening(7)]);
    const { hiddenSize } = packed.manifest.config;
    const batch = {
      lane: 0,
      sequenceIds: [7],
      contextLengths: [0],
      lengths: [2],
      sample: [true],
      newBlocks: [[0]],
    };
    const data = new Float32Array(2 * hiddenSize).fill(Number.NaN);
    const input = { kind: "hidden", dtype: "FLOAT32", data } as const;
    await expect(runner.forward(batch, input)).rejects.toThrow(
      /sequence 7 came to logits that are not finite/,
    );
  });
});
