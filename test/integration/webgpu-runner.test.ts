import { describe, expect, it, onTestFinished } from "vitest";
import type { Manifest } from "../../model/store/manifest.js";
import { createCpuRunner } from "../../stage-worker/engine/cpu/create-cpu-runner.js";
import { createPagedRunner } from "../../stage-worker/engine/paged/create-paged-runner.js";
import { webgpuProvider } from "../../stage-worker/engine/paged/webgpu-provider.js";
import type { RunnerOptions, SampledToken, StageRunner } from "../../stage-worker/engine/stage-runner.js";
import type { BestTokens } from "../../stage-worker/sampler/create-sampler.js";
import { lastLogits, relativeError, tokensOf } from "../fixtures/cpu-pipeline.js";
import { packedWeights } from "../fixtures/packed-weights.js";
import { RecordingSampler, RunnerDriver } from "../fixtures/runner-driver.js";
import { runnerOptions } from "../fixtures/stage-fixtures.js";
import { packTiny, type TinyModelOptions, tinySource } from "../fixtures/tiny-model.js";
import { webgpuMissing } from "../fixtures/webgpu.js";

/** Half precision through three layers whose attention is far from uniform. */
const tolerance = 0.015;
const blockSize = 32;

type Packed = { manifest: Manifest; blobsFolder: string };

/** The tiny model with a head size that the provider's attention takes. */
async function packed(config: TinyModelOptions["config"] = {}): Promise<Packed> {
  const sizes = { hiddenSize: 128, headSize: 64, ropeDimension: 64, ropeInterleaved: false };
  return packTiny(tinySource({ config: { ...sizes, ...config } }), "f16");
}

/** Stages over ranges of layers, each on the GPU unless it says `cpu`. */
async function pipelineOf(
  { manifest, blobsFolder }: Packed,
  ranges: readonly (readonly [first: number, end: number, device?: "cpu"])[],
  change: Partial<RunnerOptions> = {},
  sampler = new RecordingSampler(),
) {
  const runners: StageRunner[] = [];
  for (const [index, [firstLayer, endLayer, device]] of ranges.entries()) {
    const place = { embedding: index === 0, head: index === ranges.length - 1, firstLayer, endLayer };
    const options = {
      ...runnerOptions({ blockCount: 32, blockSize }),
      manifest,
      blobsFolder,
      ...place,
      ...change,
    };
    const runner =
      device === "cpu"
        ? await createCpuRunner(options, sampler)
        : await createPagedRunner(options, webgpuProvider(), sampler);
    onTestFinished(() => runner.close());
    runners.push(runner);
  }
  const weights = await packedWeights(manifest, blobsFolder);
  const expectLogits = (id: number, tokens: readonly number[]) =>
    expect(relativeError(sampler.logits.get(id), lastLogits(manifest, weights, tokens))).toBeLessThan(
      tolerance,
    );
  return { driver: new RunnerDriver(runners, blockSize), sampler, expectLogits };
}

const wanted = { wantLogprobs: true };

/** Remembers what it is given of a row's best tokens, too. */
class RecordingBest extends RecordingSampler {
  readonly best = new Map<number, BestTokens>();

  override sampleBest(sequenceId: number, best: BestTokens): SampledToken {
    this.best.set(sequenceId, best);
    return super.sampleBest(sequenceId, best);
  }
}

describe.skipIf(await webgpuMissing())("a stage on WebGPU", () => {
  it.each([
    ["grouped heads", {}],
    ["interleaved rotation and biases", { ropeInterleaved: true, attentionBias: true }],
    ["a head of its own", { tiedEmbedding: false, headCount: 2 }],
  ] as const)("computes what the reference does: %s", async (_name, config) => {
    const { driver, expectLogits } = await pipelineOf(await packed(config), [[0, 3]]);
    const prompts = [tokensOf(5, 1), tokensOf(32, 2), tokensOf(77, 3)];
    for (const [id, tokens] of prompts.entries()) {
      driver.open(id, wanted);
      await driver.step([{ id, tokens }]);
      expectLogits(id, tokens);
      await driver.step([{ id, tokens: [9] }]);
      expectLogits(id, [...tokens, 9]);
    }
  });

  it("computes decoding rows and chunks of prompts in one run, over blocks with holes between them", async () => {
    const { driver, expectLogits } = await pipelineOf(await packed(), [[0, 3]]);
    const [one, two, three] = [tokensOf(20, 1), tokensOf(33, 2), tokensOf(40, 3)];
    for (const id of [1, 2, 3]) driver.open(id, wanted);
    await driver.step([
      { id: 1, tokens: one },
      { id: 2, tokens: two.slice(0, 17), sample: false },
    ]);
    driver.close(1);
    driver.open(4, wanted);
    await driver.step([
      { id: 2, tokens: two.slice(17) },
      { id: 3, tokens: three.slice(0, 30), sample: false },
      { id: 4, tokens: one },
    ]);
    expectLogits(2, two);
    expectLogits(4, one);
    await driver.step([
      { id: 2, tokens: [7] },
      { id: 3, tokens: three.slice(30) },
      { id: 4, tokens: [8] },
    ]);
    expectLogits(2, [...two, 7]);
    expectLogits(3, three);
    expectLogits(4, [...one, 8]);
  });

  it("shares full blocks of a prefix and copies the one in which it ends", async () => {
    const { driver, expectLogits } = await pipelineOf(await packed(), [[0, 3]]);
    const shared = tokensOf(40, 5);
    driver.open(1, wanted);
    await driver.step([{ id: 1, tokens: shared }]);
    const blocks = [...driver.blocksOf(1)];
    driver.openOn(2, shared.length, blocks, wanted);
    await driver.step([
      { id: 1, tokens: [1] },
      { id: 2, tokens: [2] },
    ]);
    expectLogits(1, [...shared, 1]);
    expectLogits(2, [...shared, 2]);
    driver.closeKeeping(1, 2);
    driver.openOn(3, 36, blocks, wanted);
    await driver.step([{ id: 3, tokens: [4, 5] }]);
    expectLogits(3, [...shared.slice(0, 36), 4, 5]);
    await driver.step([{ id: 2, tokens: [6] }]);
    expectLogits(2, [...shared, 2, 6]);
  });

  it("refuses blocks that are smaller than what its attention reads at once", async () => {
    await expect(pipelineOf(await packed(), [[0, 3]], { blockSize: 16 })).rejects.toThrow(
      /blocks of 16 tokens.*multiple of 32: --block-size 32/,
    );
  });

  it("takes the most likely token without its logits", async () => {
    const { driver, sampler } = await pipelineOf(await packed(), [[0, 3]]);
    const tokens = tokensOf(12, 6);
    driver.open(1, wanted);
    driver.open(2);
    const [first] = await driver.step([{ id: 1, tokens }]);
    const [second] = await driver.step([{ id: 2, tokens }]);
    expect(second?.tokenId).toBe(first?.tokenId);
    expect(sampler.logits.has(2)).toBe(false);
  });

  it("draws from the best tokens alone where they decide, with those in order that the logits have", async () => {
    const sampler = new RecordingBest();
    const { driver } = await pipelineOf(await packed({ vocabularySize: 96 }), [[0, 3]], {}, sampler);
    const tokens = tokensOf(12, 6);
    driver.open(1, wanted);
    driver.open(2, { temperature: 1, topK: 40 });
    driver.open(3, { temperature: 1, topK: 65 });
    await driver.step([1, 2, 3].map((id) => ({ id, tokens })));
    expect([...sampler.best.keys()]).toEqual([2]);
    expect([...sampler.logits.keys()]).toEqual([1, 3]);
    const logits = sampler.logits.get(1) as Float32Array;
    const best = sampler.best.get(2) as BestTokens;
    const ranked = [...logits.keys()].sort(
      (one, other) => (logits[other] as number) - (logits[one] as number) || one - other,
    );
    expect(Array.from(best.tokens)).toEqual(ranked.slice(0, 64));
    expect(Array.from(best.logits)).toEqual(ranked.slice(0, 64).map((token) => logits[token]));
  });

  it.each([
    [
      "two stages on the GPU",
      [
        [0, 2],
        [2, 3],
      ],
    ],
    [
      "GPU first, CPU last",
      [
        [0, 1],
        [1, 3, "cpu"],
      ],
    ],
    [
      "CPU first, GPU last",
      [
        [0, 2, "cpu"],
        [2, 3],
      ],
    ],
    [
      "a head alone on the GPU",
      [
        [0, 3, "cpu"],
        [3, 3],
      ],
    ],
  ] as const)("hands over to other stages: %s", async (_name, ranges) => {
    for (const activationDtype of ["FLOAT16", "FLOAT32", "BFLOAT16"] as const) {
      const { driver, expectLogits } = await pipelineOf(await packed(), ranges, { activationDtype });
      const tokens = tokensOf(20, 7);
      driver.open(1, wanted);
      await driver.step([{ id: 1, tokens }]);
      await driver.step([{ id: 1, tokens: [3] }]);
      expectLogits(1, [...tokens, 3]);
    }
  });
});
