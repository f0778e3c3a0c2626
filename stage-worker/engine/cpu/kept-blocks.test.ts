import { describe, expect, it } from "vitest";
import { pipeline, stages, tokensOf } from "../../../test/fixtures/cpu-pipeline.js";
import { RecordingSampler, RunnerDriver } from "../../../test/fixtures/runner-driver.js";
import { packTiny, tinySource } from "../../../test/fixtures/tiny-model.js";

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
