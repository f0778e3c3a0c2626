import { describe, expect, it } from "vitest";
import { pipeline, stages, tokensOf } from "../../../test/fixtures/cpu-pipeline.js";
import { RecordingSampler, RunnerDriver } from "../../../test/fixtures/runner-driver.js";
import { openingOn } from "../../../test/fixtures/stage-fixtures.js";
import { packTiny, tinySource } from "../../../test/fixtures/tiny-model.js";
import { KeptBlocks } from "./kept-blocks.js";
import { KvRows } from "./kv-rows.js";
import { type KvShape, tokenBytes } from "./kv-shape.js";

const block = 16;
/** Two blocks and a half, and what follows. */
const shared = tokensOf(2.5 * block, 7);
const rest = tokensOf(11, 8);

describe.each(["f32", "rounded"] as const)("a cached prefix, %s", (variant) => {
  /** Reads a text and decodes a little; the logits of every step. */
  async function read(
    { driver, sampler }: Awaited<ReturnType<typeof pipeline>>,
    id: number,
    chunks: readonly (readonly number[])[],
  ) {
    const seen: Float32Array[] = [];
    for (const tokens of [...chunks, [3], [4], [5]]) {
      await driver.step([{ id, tokens }]);
      seen.push(sampler.logits.get(id) as Float32Array);
    }
    return seen.slice(-4);
  }

  it.each(["reading", "decoding", "closed", "closed with its blocks shared"])(
    "computes the same bits as without, from a sequence that is %s",
    async (phase) => {
      const test = await pipeline({}, {}, variant);
      const { driver } = test;
      driver.open(1, { wantLogprobs: true });
      const uncached = await read(test, 1, [shared, rest]);
      driver.close(1);

      driver.open(2, { wantLogprobs: true });
      await driver.step([{ id: 2, tokens: shared }]);
      const blocks = [...driver.blocksOf(2)];
      if (phase !== "reading") {
        for (const token of [9, 8, 7]) await driver.step([{ id: 2, tokens: [token] }]);
      }
      if (phase === "closed with its blocks shared") driver.openOn(4, 2 * block, blocks.slice(0, 2));
      if (phase.startsWith("closed")) driver.closeKeeping(2, 3);
      driver.openOn(3, shared.length, blocks, { wantLogprobs: true });
      expect(await read(test, 3, [rest])).toEqual(uncached);
    },
  );

  it("is not what later tokens are written into", async () => {
    const test = await pipeline({}, {}, variant);
    const { driver } = test;
    driver.open(1, { wantLogprobs: true });
    await driver.step([{ id: 1, tokens: shared }]);
    const blocks = [...driver.blocksOf(1)];
    driver.closeKeeping(1, 3);
    const texts = [];
    for (const id of [2, 3]) {
      driver.openOn(id, shared.length, blocks, { wantLogprobs: true });
      texts.push(await read(test, id, [rest]));
      driver.close(id);
    }
    expect(texts[1]).toEqual(texts[0]);
  });

  it("holds the newer tokens once its blocks were taken anew", async () => {
    const test = await pipeline({}, { blockCount: 6 }, variant);
    const { driver } = test;
    driver.open(1, { wantLogprobs: true });
    await driver.step([{ id: 1, tokens: shared }]);
    const old = [...driver.blocksOf(1)];
    driver.closeKeeping(1, 3);
    driver.free(old);
    driver.open(2, { wantLogprobs: true });
    await driver.step([{ id: 2, tokens: tokensOf(shared.length, 9) }]);
    const blocks = [...driver.blocksOf(2)];
    expect(new Set(blocks)).toEqual(new Set(old));
    expect(() => driver.openOn(3, 70, [...blocks, 4, 5])).toThrow(/has KV of 8 tokens, it needs 16/);
    const uncached = await read(test, 2, [rest]);
    driver.closeKeeping(2, 3);
    driver.openOn(4, shared.length, blocks, { wantLogprobs: true });
    expect(await read(test, 4, [rest])).toEqual(uncached);
  });
});

it("keeps blocks in every stage", async () => {
  const packed = await packTiny(tinySource(), "f32");
  const sampler = new RecordingSampler();
  const runners = await stages(
    packed,
    [
      [0, 1],
      [1, 3],
      [3, 3],
    ],
    {},
    sampler,
  );
  const driver = new RunnerDriver(runners);
  driver.open(1, { wantLogprobs: true });
  await driver.step([{ id: 1, tokens: shared }]);
  await driver.step([{ id: 1, tokens: rest }]);
  const uncached = sampler.logits.get(1);
  const blocks = [...driver.blocksOf(1)];
  driver.closeKeeping(1, 3);
  driver.openOn(2, shared.length, blocks.slice(0, 3), { wantLogprobs: true });
  await driver.step([{ id: 2, tokens: rest }]);
  expect(sampler.logits.get(2)).toEqual(uncached);
});

describe("copies of neighbours", () => {
  const shape: KvShape = { layers: 1, kvHeads: 1, headSize: 2, form: "f32" };
  const blockBytes = block * tokenBytes(shape);
  const table = Array.from({ length: 40 }, (_, index) => 100 + index);

  /** Keeps the blocks of a sequence whose values tell their tokens. */
  function keepAll() {
    const kv = new KvRows(shape);
    const kept = new KeptBlocks(block, kv, { blocks: () => table, holderOf: () => undefined });
    const tokens = table.length * block;
    const values = Float32Array.from({ length: 4 * tokens }, (_, index) => Math.floor(index / 4));
    kv.alone(1, 0, tokens, tokens).append(0, tokens, { values });
    kept.keep({ sequenceId: 1, keptBlocks: table.length });
    kv.close([1]);
    return { kv, kept };
  }

  /** The tokens that a sequence opened on these blocks finds. */
  function tokensOn({ kv, kept }: ReturnType<typeof keepAll>, blocks: readonly number[]): number[] {
    const cachedLength = blocks.length * block;
    kept.load({ ...openingOn(2, cachedLength, blocks), cachedBlocks: blocks });
    const keys = kv.alone(2, cachedLength, cachedLength, cachedLength).planes.keys(0);
    kv.close([2]);
    return Array.from({ length: blocks.length }, (_, index) => keys[index * block * 2] as number);
  }

  it("give memory back as their blocks are dropped, and keep the others", () => {
    const test = keepAll();
    expect(test.kept.sizeBytes).toBe(40 * blockBytes);
    const rest = [...table];
    while (rest.length > 0) {
      test.kept.drop(rest.splice(((rest.length * 7) % 5) % rest.length, 1));
      expect(test.kept.sizeBytes).toBeGreaterThanOrEqual(rest.length * blockBytes);
      expect(test.kept.sizeBytes).toBeLessThanOrEqual((rest.length / 0.75) * blockBytes);
      if (rest.length > 0) expect(tokensOn(test, rest)).toEqual(rest.map((id) => (id - 100) * block));
    }
  });

  it("are read in any order of blocks", () => {
    const test = keepAll();
    const blocks = [table[5], table[6], table[3], table[30], table[31]] as number[];
    expect(tokensOn(test, blocks)).toEqual([80, 96, 48, 480, 496]);
  });
});
