import { expect, it } from "vitest";
import { float16ToFloat32 } from "../../../common/half-float.js";
import { lastLogits, pipeline, relativeError, tokensOf } from "../../../test/fixtures/cpu-pipeline.js";
import { openingOn } from "../../../test/fixtures/stage-fixtures.js";
import type { BlockContent, StageRunner } from "../stage-runner.js";

const wanted = { wantLogprobs: true };
const text = tokensOf(45, 4);

async function exported(runner: StageRunner, blocks: readonly number[]): Promise<BlockContent | undefined> {
  return await runner.exportBlocks?.(blocks);
}

function floats(bits: Uint16Array = new Uint16Array(0)): Float32Array {
  return float16ToFloat32(bits);
}

it.each([
  ["f32", { moved: 0, logits: 0.002 }],
  ["rounded", { moved: 0.001, logits: 0.06 }],
] as const)("blocks of %s rows leave a runner and come into another", async (variant, tolerance) => {
  const [from, to] = [
    await pipeline({}, { kvTransfer: true }, variant),
    await pipeline({}, { kvTransfer: true }, variant),
  ];
  from.driver.open(1, wanted);
  await from.driver.step([{ id: 1, tokens: text.slice(0, 40) }]);
  const blocks = from.driver.blocksOf(1).slice(0, 2);
  const held = (await exported(from.runner, blocks)) as BlockContent;
  const inOtherOrder = (await exported(from.runner, blocks.toReversed())) as BlockContent;
  const half = (held.parts[0]?.length ?? 0) / 2;
  expect(inOtherOrder.parts[0]?.subarray(half)).toEqual(held.parts[0]?.subarray(0, half));
  expect(held.parts[0]?.some((bits) => bits !== 0)).toBe(true);
  await from.driver.step([{ id: 1, tokens: text.slice(40) }]);
  const uninterrupted = from.sampler.logits.get(1) as Float32Array;
  from.driver.closeKeeping(1, 2);
  expect(await exported(from.runner, blocks)).toEqual(held);

  await to.runner.importBlocks?.([30, 7], held);
  const moved = (await exported(to.runner, [30, 7])) as BlockContent;
  for (const [index, part] of held.parts.entries()) {
    const error = relativeError(floats(moved.parts[index]), Float64Array.from(floats(part)));
    expect(error).toBeLessThanOrEqual(tolerance.moved);
  }
  to.driver.openOn(5, 32, [30, 7], wanted);
  await to.driver.step([{ id: 5, tokens: text.slice(32, 40), sample: false }]);
  await to.driver.step([{ id: 5, tokens: text.slice(40) }]);
  const logits = to.sampler.logits.get(5);
  expect(relativeError(logits, Float64Array.from(uninterrupted))).toBeLessThan(tolerance.logits);
  expect(relativeError(logits, lastLogits(to.manifest, to.weights, text))).toBeLessThan(tolerance.logits);
});

it("refuses blocks that are not full or not free, and content of another size, and changes nothing", async () => {
  const { runner, driver } = await pipeline({}, { kvTransfer: true });
  driver.open(1);
  await driver.step([{ id: 1, tokens: text }]);
  await expect(exported(runner, [0, 2])).rejects.toThrow(
    /cannot export block 2: it has KV of 13 of 16 tokens/,
  );
  const content = (await exported(runner, [1])) as BlockContent;
  await expect(runner.importBlocks?.([1], content)).rejects.toThrow(/block 1: sequence 1 holds it/);
  await expect(runner.importBlocks?.([5, 6], content)).rejects.toThrow(/of 16 tokens, the blocks hold 32/);
  const short = { ...content, parts: content.parts.map((part) => part.subarray(1)) };
  await expect(runner.importBlocks?.([5], short)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  expect(() => runner.open([openingOn(9, 16, [5])])).toThrow(/block 5 has KV of 0 tokens/);
  expect(await exported(runner, [1])).toEqual(content);
});

it("is only there where it was asked for, and where there is KV", async () => {
  for (const change of [{}, { kvTransfer: true, endLayer: 0 }]) {
    const { runner } = await pipeline({}, change);
    expect([runner.exportBlocks, runner.importBlocks]).toEqual([undefined, undefined]);
  }
});
