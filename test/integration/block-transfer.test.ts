import { describe, expect, it, onTestFinished } from "vitest";
import { createCpuRunner } from "../../stage-worker/engine/cpu/create-cpu-runner.js";
import { createPagedRunner } from "../../stage-worker/engine/paged/create-paged-runner.js";
import type { Provider } from "../../stage-worker/engine/paged/provider.js";
import { webgpuProvider } from "../../stage-worker/engine/paged/webgpu-provider.js";
import type { BlockContent, RunnerOptions, StageRunner } from "../../stage-worker/engine/stage-runner.js";
import { lastLogits, relativeError, tokensOf } from "../fixtures/cpu-pipeline.js";
import { packedWeights } from "../fixtures/packed-weights.js";
import { RecordingSampler, RunnerDriver } from "../fixtures/runner-driver.js";
import { runnerOptions } from "../fixtures/stage-fixtures.js";
import { packTiny, tinySource } from "../fixtures/tiny-model.js";
import { webgpuMissing } from "../fixtures/webgpu.js";
import { wholeLogits as wanted } from "../fixtures/whole-logits.js";

const blockSize = 32;
/** Half precision through three layers whose attention is far from uniform. */
const tolerance = 0.015;

type Packed = Awaited<ReturnType<typeof packTiny>>;

/** The tiny model with a head size that the provider's attention takes. */
async function packed(): Promise<Packed> {
  const config = { hiddenSize: 128, headSize: 64, ropeDimension: 64, ropeInterleaved: false };
  return packTiny(tinySource({ config }), "f16");
}

/** On the CPU without a provider. */
async function open(
  { manifest, blobsFolder }: Packed,
  provider: Provider | undefined,
  change: Partial<RunnerOptions> = {},
) {
  const limits = runnerOptions({ blockCount: 12, blockSize, endLayer: 3, kvTransfer: true });
  const options = { ...limits, manifest, blobsFolder, ...change };
  const sampler = new RecordingSampler();
  const runner = provider
    ? await createPagedRunner(options, provider, sampler)
    : await createCpuRunner(options, sampler);
  onTestFinished(() => runner.close());
  return { runner, sampler, driver: new RunnerDriver([runner], blockSize) };
}

/** Where nothing but the stage's graph sees the caches, as with CUDA: the same graph, over caches that are fed. */
const inGraph = (): Provider => ({ ...webgpuProvider(), sharesCaches: false });

async function exported(runner: StageRunner, blocks: readonly number[]): Promise<BlockContent> {
  if (runner.exportBlocks === undefined) throw new Error("this runner exports nothing");
  return runner.exportBlocks(blocks);
}

async function imported(
  runner: StageRunner,
  blocks: readonly number[],
  content: BlockContent,
): Promise<void> {
  if (runner.importBlocks === undefined) throw new Error("this runner imports nothing");
  await runner.importBlocks(blocks, content);
}

describe.skipIf(await webgpuMissing())("blocks of KV leave a runner and come into another", () => {
  it.each([
    ["by graphs of their own", webgpuProvider],
    ["by the stage's graph", inGraph],
  ])("%s", async (_name, provider) => {
    const model = await packed();
    const [from, to] = [await open(model, provider()), await open(model, provider())];
    const [text, other] = [tokensOf(70, 3), tokensOf(40, 8)];
    for (const id of [1, 2]) from.driver.open(id, wanted);
    await from.driver.step([
      { id: 2, tokens: other },
      { id: 1, tokens: text },
    ]);
    const blocks = from.driver.blocksOf(1);
    expect(blocks).toEqual([2, 3, 4]);
    const content = await exported(from.runner, blocks.slice(0, 2));

    // Elsewhere another sequence is under way, and the blocks have holes between them.
    to.driver.open(2, wanted);
    await to.driver.step([{ id: 2, tokens: other }]);
    await imported(to.runner, [9, 4], content);
    for (const [side, held] of [
      [from, blocks],
      [to, [9, 4]],
    ] as const) {
      side.driver.openOn(3, 64, held.slice(0, 2), wanted);
      await side.driver.step([{ id: 3, tokens: text.slice(64) }]);
      await side.driver.step([
        { id: 3, tokens: [7] },
        { id: 2, tokens: [7] },
      ]);
    }
    for (const id of [2, 3]) expect(to.sampler.logits.get(id)).toEqual(from.sampler.logits.get(id));
    const weights = await packedWeights(model.manifest, model.blobsFolder);
    const expected = lastLogits(model.manifest, weights, [...text, 7]);
    expect(relativeError(to.sampler.logits.get(3), expected)).toBeLessThan(tolerance);
    expect(await exported(to.runner, [9, 4])).toEqual(content);
  });

  it.each([
    ["CPU", "GPU"],
    ["GPU", "CPU"],
  ] as const)("from a %s to a %s", async (...devices) => {
    const model = await packed();
    const [from, to] = await Promise.all(
      devices.map((device) => open(model, device === "CPU" ? undefined : webgpuProvider())),
    );
    if (from === undefined || to === undefined) throw new Error("two runners are opened");
    const text = tokensOf(70, 5);
    from.driver.open(1);
    await from.driver.step([{ id: 1, tokens: text.slice(0, 64) }]);
    await imported(to.runner, [6, 1], await exported(from.runner, from.driver.blocksOf(1)));
    to.driver.openOn(2, 64, [6, 1], wanted);
    await to.driver.step([{ id: 2, tokens: text.slice(64) }]);
    const weights = await packedWeights(model.manifest, model.blobsFolder);
    const expected = lastLogits(model.manifest, weights, text);
    expect(relativeError(to.sampler.logits.get(2), expected)).toBeLessThan(tolerance);
  });

  it.each([
    ["by graphs of their own", webgpuProvider],
    ["by the stage's graph", inGraph],
  ])("of a stage in the middle, after those of another, %s", async (_name, provider) => {
    const model = await packed();
    const place = { firstLayer: 1, endLayer: 2, embedding: false, head: false };
    const { runner } = await open(model, provider(), place);
    const width = model.manifest.config.kvHeadCount * model.manifest.config.headSize;
    const contentOf = (blocks: number, seed: number): BlockContent => {
      const bits = (_: unknown, index: number) => 0x2000 + ((index * seed) % 8191);
      const length = blocks * blockSize * width;
      const parts = [0, 1].map((part) => Uint16Array.from({ length }, (_, index) => bits(_, index + part)));
      return { tokens: blocks * blockSize, parts };
    };
    const [content, between] = [contentOf(3, 31), contentOf(1, 37)];
    await imported(runner, [11, 0, 5], content);
    await imported(runner, [4], between);
    expect(await exported(runner, [11, 0, 5])).toEqual(content);
    expect(await exported(runner, [4])).toEqual(between);
  });

  it("not where it is refused", async () => {
    const model = await packed();
    const { runner, driver } = await open(model, webgpuProvider());
    driver.open(1);
    await driver.step([{ id: 1, tokens: tokensOf(40, 2) }]);
    await expect(exported(runner, [1])).rejects.toThrow(/block 1: it has KV of 8 of 32 tokens/);
    const content = await exported(runner, [0]);
    await expect(imported(runner, [0], content)).rejects.toThrow(/block 0: sequence 1 holds it/);
    await expect(imported(runner, [5, 6], content)).rejects.toThrow(/of 32 tokens, the blocks hold 64/);
    const short = { ...content, parts: content.parts.map((part) => part.subarray(1)) };
    await expect(imported(runner, [5], short)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await expect(exported(runner, [5])).rejects.toThrow(/block 5: it has KV of 0/);
    expect(await exported(runner, [0])).toEqual(content);
    const plain = await open(model, webgpuProvider(), { kvTransfer: false });
    expect([plain.runner.exportBlocks, plain.runner.importBlocks]).toEqual([undefined, undefined]);
  });
});
