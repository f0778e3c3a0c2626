import { describe, expect, it } from "vitest";
import { expectClose, lastLogits, pipeline, stages, tokensOf } from "../../../test/fixtures/cpu-pipeline.js";
import { argMax, referenceLogits } from "../../../test/fixtures/reference-model.js";
import { RunnerDriver } from "../../../test/fixtures/runner-driver.js";
import { opening } from "../../../test/fixtures/stage-fixtures.js";
import { packTiny, type TinyModelOptions, tinySource } from "../../../test/fixtures/tiny-model.js";

/** Prompts of lengths that end inside, at and after a KV block. */
const prompts = [tokensOf(5, 1), tokensOf(16, 2), tokensOf(37, 3)];

describe("one sequence", () => {
  const models: Record<string, TinyModelOptions["config"]> = {
    llama: {},
    "neighbouring pairs off": { ropeInterleaved: false },
    "qwen2 with biases": { architecture: "qwen2", attentionBias: true, ropeInterleaved: false },
    "linear rope scaling": { ropeScaling: { kind: "linear", factor: 4 } },
    "a head of its own": { tiedEmbedding: false },
    "seven queries a key": { headCount: 7, kvHeadCount: 1, headSize: 16, hiddenSize: 64 },
    "sizes that no block divides": { hiddenSize: 48, headCount: 3, kvHeadCount: 3, feedForwardSize: 86 },
  };
  it.each(Object.entries(models))("computes what the reference does: %s", async (_name, config = {}) => {
    const { driver, sampler, weights, manifest } = await pipeline({ config });
    for (const prompt of prompts) {
      driver.open(prompt.length, { wantLogprobs: true });
      await driver.step([{ id: prompt.length, tokens: prompt }]);
      expectClose(sampler.logits.get(prompt.length), lastLogits(manifest, weights, prompt), 1e-4);
    }
  });

  it("gives the same in one chunk, in several, and token by token", async () => {
    const { driver, sampler, weights, manifest } = await pipeline({});
    const text = tokensOf(75, 4);
    const expected = lastLogits(manifest, weights, text);
    for (const [id, chunks] of [[75], [32, 32, 11], [1, 70, 1, 1, 2], [40, ...Array(35).fill(1)]].entries()) {
      driver.open(id, { wantLogprobs: true });
      let start = 0;
      for (const length of chunks) {
        const last = start + length === text.length;
        await driver.step([{ id, tokens: text.slice(start, start + length), sample: last }]);
        start += length;
      }
      expectClose(sampler.logits.get(id), expected, 1e-4);
    }
  });
});

describe("several sequences", () => {
  it("decodes ragged rows beside prefill chunks in one batch, whatever lane they are in", async () => {
    const { driver, sampler, weights, manifest } = await pipeline({}, { maxSequences: 5 });
    const texts = new Map<number, number[]>();
    const seen: { id: number; length: number; logits: Float32Array | undefined }[] = [];
    const step = async (slices: [id: number, ...tokens: number[]][], lane: number) => {
      for (const [id, ...tokens] of slices) texts.set(id, [...(texts.get(id) ?? []), ...tokens]);
      await driver.step(
        slices.map(([id, ...tokens]) => ({ id, tokens })),
        lane,
      );
      for (const [id] of slices) {
        seen.push({ id, length: texts.get(id)?.length ?? 0, logits: sampler.logits.get(id) });
      }
    };
    for (const id of [1, 2, 3, 4, 5]) driver.open(id, { wantLogprobs: true });

    await step([[1, ...tokensOf(40, 1)]], 0);
    await step(
      [
        [1, 7],
        [2, ...tokensOf(3, 2)],
        [3, ...tokensOf(20, 3)],
      ],
      0,
    );
    await step(
      [
        [3, 8],
        [1, 9],
        [2, 10],
      ],
      0,
    );
    await step(
      [
        [2, 11],
        [4, ...tokensOf(6, 4)],
      ],
      1,
    );
    await step(
      [
        [4, 12],
        [2, 13],
        [3, 14],
      ],
      1,
    );
    await step([[1, 15]], 0);
    driver.close(2);
    await step(
      [
        [3, 16],
        [5, 17],
        [1, 18],
        [4, 19],
      ],
      0,
    );
    await step(
      [
        [4, ...tokensOf(5, 6)],
        [5, ...tokensOf(4, 7)],
      ],
      1,
    );
    for (let token = 20; token < 45; token++) {
      await step(
        [
          [5, token],
          [1, token],
          [4, token],
        ],
        token % 2,
      );
    }

    for (const [id, text] of texts) {
      const expected = referenceLogits(manifest.config, weights, text);
      for (const { length, logits } of seen.filter((step) => step.id === id)) {
        expectClose(logits, expected[length - 1] as Float64Array, 1e-4);
      }
    }
  });

  it("returns tokens in the batch's order and only where they are wanted", async () => {
    const { driver, weights, manifest } = await pipeline({});
    for (const id of [1, 2, 3]) driver.open(id);
    const best = (prompt: number[]) => argMax(lastLogits(manifest, weights, prompt));
    const tokens = await driver.step([
      { id: 3, tokens: [4] },
      { id: 2, tokens: [5], sample: false },
      { id: 1, tokens: tokensOf(9, 1) },
    ]);
    expect(tokens).toEqual([
      { sequenceId: 3, tokenId: best([4]) },
      { sequenceId: 1, tokenId: best(tokensOf(9, 1)) },
    ]);
    expect(await driver.step([{ id: 2, tokens: [6, 7], sample: false }])).toEqual([]);
  });

  it("takes the best token of some rows and the logits of others", async () => {
    const config = { vocabularySize: 53 };
    for (const change of [{}, { config }]) {
      const { driver, sampler, weights, manifest } = await pipeline(change, { maxSequences: 5 });
      const texts = [1, 2, 3, 4, 5].map((id) => ({ id, tokens: tokensOf(id, id) }));
      for (const { id } of texts) driver.open(id, { wantLogprobs: id % 2 === 0 });
      const logits = texts.map(({ tokens }) => lastLogits(manifest, weights, tokens));
      const prompts = texts.map(({ id, tokens }) => ({ id, tokens: tokens.slice(0, -1), sample: false }));
      await driver.step(prompts.filter(({ tokens }) => tokens.length > 0));
      expect(await driver.step(texts.map(({ id, tokens }) => ({ id, tokens: tokens.slice(-1) })))).toEqual(
        texts.map(({ id }, index) => ({
          sequenceId: id,
          tokenId: argMax(logits[index] as Float64Array),
        })),
      );
      expect([...sampler.logits.keys()].sort()).toEqual([2, 4]);
      for (const id of [2, 4]) expectClose(sampler.logits.get(id), logits[id - 1] as Float64Array, 1e-4);
    }
  });

  it("keeps long sequences apart from short ones", async () => {
    const { driver, sampler, weights, manifest } = await pipeline(
      { config: { layerCount: 1 } },
      { maxContext: 600 },
    );
    const [long, short] = [tokensOf(515, 1), tokensOf(4, 2)];
    for (const id of [1, 2]) driver.open(id, { wantLogprobs: true });
    await driver.step([
      { id: 1, tokens: long },
      { id: 2, tokens: short },
    ]);
    await driver.step([
      { id: 1, tokens: [3] },
      { id: 2, tokens: [4] },
    ]);
    expectClose(sampler.logits.get(1), lastLogits(manifest, weights, [...long, 3]), 1e-4);
    expectClose(sampler.logits.get(2), lastLogits(manifest, weights, [...short, 4]), 1e-4);
  });
});

describe("stages", () => {
  it.each([
    [
      [
        [0, 1],
        [1, 3],
      ],
    ],
    [
      [
        [0, 1],
        [1, 2],
        [2, 3],
      ],
    ],
    [
      [
        [0, 0],
        [0, 3],
        [3, 3],
      ],
    ],
  ])("cut as %j compute what one does", async (ranges) => {
    const packed = await packTiny(tinySource(), "f32");
    const texts = [];
    for (const cut of [[[0, 3]], ranges]) {
      const driver = new RunnerDriver(await stages(packed, cut as [number, number][]));
      for (const id of [1, 2]) driver.open(id);
      let tokens = await driver.step([
        { id: 1, tokens: tokensOf(20, 1) },
        { id: 2, tokens: tokensOf(7, 2) },
      ]);
      const text = [];
      for (let step = 0; step < 12; step++) {
        text.push(...tokens.map(({ tokenId }) => tokenId));
        tokens = await driver.step(
          tokens.map(({ sequenceId, tokenId }) => ({ id: sequenceId, tokens: [tokenId] })),
        );
      }
      texts.push(text);
    }
    expect(texts[1]).toEqual(texts[0]);
  });
});

describe("limits", () => {
  it("frees blocks on close and refuses what does not fit", async () => {
    const { driver, runner } = await pipeline({}, { blockCount: 4, maxContext: 256 });
    driver.open(1);
    driver.open(2);
    await driver.step([{ id: 1, tokens: tokensOf(50, 1) }]);
    expect(runner.usage()).toEqual({ blocksUsed: 4, sequences: 2 });
    await expect(driver.step([{ id: 2, tokens: [1] }])).rejects.toThrow(/block 4 is beyond the 4/);
    driver.close(1, 2);
    expect(runner.usage()).toEqual({ blocksUsed: 0, sequences: 0 });
  });

  it("names the sequence and both lengths when a batch does not continue it", async () => {
    const { runner } = await pipeline({});
    runner.open([opening(7)]);
    const batch = {
      lane: 0,
      sequenceIds: [7],
      contextLengths: [3],
      lengths: [1],
      sample: [true],
      newBlocks: [[0]],
    };
    const input = { kind: "tokens", tokenIds: Uint32Array.of(1) } as const;
    await expect(runner.forward(batch, input)).rejects.toThrow(
      /sequence 7 has 0 tokens in KV, the batch says 3/,
    );
    await expect(runner.forward({ ...batch, sequenceIds: [8] }, input)).rejects.toThrow(
      /sequence 8 was not opened/,
    );
  });

  it("takes as many blocks as memory holds, and says when none fits", async () => {
    const packed = await packTiny(tinySource(), "f32");
    const [roomy] = await stages(packed, [[0, 3]], { blockCount: 0, maxSequences: 2, maxContext: 100 });
    expect(roomy?.blockCount).toBe(14);
    const [tight] = await stages(packed, [[0, 3]], { blockCount: 0, memoryLimitBytes: 850_000 });
    expect(tight?.blockCount).toBeGreaterThan(0);
    expect(tight?.blockCount).toBeLessThan(14);
    await expect(stages(packed, [[0, 3]], { blockCount: 0, memoryLimitBytes: 100_000 })).rejects.toThrow(
      /do not fit the limit of 100000 bytes/,
    );
  });
});
