import { describe, expect, it, onTestFinished } from "vitest";
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

const blockSize = 32;
const wanted = { wantLogprobs: true };

type Packed = Awaited<ReturnType<typeof packTiny>>;

/** The tiny model with a head size that the provider's attention takes. */
async function packed(): Promise<Packed> {
  const config = { hiddenSize: 128, headSize: 64, ropeDimension: 64, ropeInterleaved: false };
  return packTiny(tinySource({ config }), "f16");
}

async function open(
  { manifest, blobsFolder }: Packed,
  provider: Provider,
  change: Partial<RunnerOptions> = {},
) {
  const options = { ...runnerOptions({ blockCount: 12, blockSize, endLayer: 3 }), manifest, blobsFolder };
  const sampler = new RecordingSampler();
  const runner = await createPagedRunner({ ...options, kvTransfer: true, ...change }, provider, sampler);
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
    expect(relativeError(to.sampler.logits.get(3), expected)).toBeLessThan(0.015);
    expect(await exported(to.runner, [9, 4])).toEqual(content);
  });
});
