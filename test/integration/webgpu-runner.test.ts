import type { Tensor } from "onnxruntime-node";
import { describe, expect, it, onTestFinished } from "vitest";
import { graphInputs, packedInputs } from "../../model/graph/stage-graph-io.js";
import type { Manifest } from "../../model/store/manifest.js";
import { createCpuRunner } from "../../stage-worker/engine/cpu/create-cpu-runner.js";
import { isDeviceLost } from "../../stage-worker/engine/device-failure.js";
import { createPagedRunner } from "../../stage-worker/engine/paged/create-paged-runner.js";
import type { Provider } from "../../stage-worker/engine/paged/provider.js";
import { webgpuProvider } from "../../stage-worker/engine/paged/webgpu-provider.js";
import type { RunnerOptions, StageRunner } from "../../stage-worker/engine/stage-runner.js";
import { lastLogits, relativeError, tokensOf } from "../fixtures/cpu-pipeline.js";
import { packedWeights } from "../fixtures/packed-weights.js";
import { RecordingSampler, RunnerDriver } from "../fixtures/runner-driver.js";
import { runnerOptions } from "../fixtures/stage-fixtures.js";
import { packTiny, type TinyModelOptions, tinySource } from "../fixtures/tiny-model.js";
import { webgpuMissing } from "../fixtures/webgpu.js";
import { wholeLogits as wanted } from "../fixtures/whole-logits.js";

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
  provider: Provider = webgpuProvider(),
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
        : await createPagedRunner(options, provider, sampler);
    onTestFinished(() => runner.close());
    runners.push(runner);
  }
  const weights = await packedWeights(manifest, blobsFolder);
  const expectLogits = (id: number, tokens: readonly number[]) =>
    expect(relativeError(sampler.logits.get(id), lastLogits(manifest, weights, tokens))).toBeLessThan(
      tolerance,
    );
  return { driver: new RunnerDriver(runners, blockSize), sampler, expectLogits, runners };
}

/** WebGPU with room for so many tokens a run; `refused` says how many were too many. */
function smallProvider(mostTokens: number): Provider & { readonly refused: number[] } {
  const plain = webgpuProvider();
  const refused: number[] = [];
  return {
    ...plain,
    refused,
    open: async (path) => {
      const session = await plain.open(path);
      const run = async (feeds: Readonly<Record<string, Tensor>>, wanted: string[]) => {
        const tokens = feeds[graphInputs.hidden]?.dims[0] ?? Number(feeds[packedInputs.sizes]?.data[0] ?? 0);
        if (tokens <= mostTokens) return await session.run(feeds, wanted);
        refused.push(tokens);
        throw new Error(`Failed to create GPU buffer: size=${tokens}`);
      };
      return { ...session, run: run as typeof session.run, release: () => session.release() };
    },
  };
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

  it("shares full blocks of a prefix, and refuses to begin inside one", async () => {
    const { driver, expectLogits } = await pipelineOf(await packed(), [[0, 3]]);
    const shared = tokensOf(40, 5);
    driver.open(1, wanted);
    await driver.step([{ id: 1, tokens: shared }]);
    const blocks = [...driver.blocksOf(1)];
    expect(() => driver.openOn(2, shared.length, blocks)).toThrow(
      /sequence 2: its 40 cached tokens end inside a block of 32, and this stage begins after whole blocks/,
    );
    driver.openOn(2, blockSize, blocks.slice(0, 1), wanted);
    await driver.step([
      { id: 1, tokens: [1] },
      { id: 2, tokens: [...shared.slice(blockSize), 2] },
    ]);
    expectLogits(1, [...shared, 1]);
    expectLogits(2, [...shared, 2]);
    driver.closeKeeping(1, 1);
    driver.openOn(3, blockSize, blocks.slice(0, 1), wanted);
    await driver.step([{ id: 3, tokens: [4, 5] }]);
    expectLogits(3, [...shared.slice(0, blockSize), 4, 5]);
    await driver.step([{ id: 2, tokens: [6] }]);
    expectLogits(2, [...shared, 2, 6]);
  });

  it("computes in parts what memory does not hold at once", async () => {
    const provider = smallProvider(12);
    const { driver, expectLogits } = await pipelineOf(
      await packed(),
      [
        [0, 2],
        [2, 3],
      ],
      {},
      new RecordingSampler(),
      provider,
    );
    const [one, two, shared] = [tokensOf(9, 1), tokensOf(45, 2), tokensOf(40, 3)];
    for (const id of [1, 2, 3]) driver.open(id, wanted);
    await driver.step([{ id: 1, tokens: one }]);
    await driver.step([{ id: 3, tokens: shared }]);
    // Begins on a block of another's.
    driver.openOn(4, 32, [...driver.blocksOf(3)].slice(0, 1), wanted);
    await driver.step([
      { id: 1, tokens: [5] },
      { id: 3, tokens: [6] },
      { id: 2, tokens: two },
      { id: 4, tokens: [7, 8] },
    ]);
    expect(provider.refused).toEqual([40, 20, 20, 40, 20, 20, 49, 45, 23, 22, 49, 45, 23, 22]);
    expectLogits(1, [...one, 5]);
    expectLogits(2, two);
    expectLogits(3, [...shared, 6]);
    expectLogits(4, [...shared.slice(0, 32), 7, 8]);
  });

  it("fails a batch alone while the device computes, and says that it is lost when it does not", async () => {
    const plain = webgpuProvider();
    let state: "well" | "odd" | "lost" = "well";
    const provider: Provider = {
      ...plain,
      open: async (path) => {
        if (state === "lost") throw new Error("no answer");
        const session = await plain.open(path);
        const run = async (feeds: Readonly<Record<string, Tensor>>, wanted: string[]) => {
          if (state !== "well" && feeds[packedInputs.integers] !== undefined) throw new Error("odd");
          return await session.run(feeds, wanted);
        };
        return { ...session, run: run as typeof session.run, release: () => session.release() };
      },
    };
    const sampler = new RecordingSampler();
    const { driver, expectLogits } = await pipelineOf(await packed(), [[0, 3]], {}, sampler, provider);
    const step = (id: number) => {
      driver.open(id, wanted);
      return driver.step([{ id, tokens: tokensOf(9, 1) }]);
    };
    state = "odd";
    await expect(step(1)).rejects.toMatchObject({
      code: "INTERNAL",
      message: expect.stringContaining("odd"),
    });
    state = "well";
    await step(2);
    expectLogits(2, tokensOf(9, 1));
    state = "lost";
    const reason = await step(3).catch((error: unknown) => error);
    expect(isDeviceLost(reason)).toBe(true);
  });

  it("tries out what it may have to compute, with as many blocks as a guess allows", async () => {
    const model = await packed();
    const sizes = { blockCount: 0, maxContext: 200, maxSequences: 3, maxBatchTokens: 64 };
    const { runners } = await pipelineOf(model, [[0, 3]], sizes);
    expect(runners[0]?.blockCount).toBe(3 * 7);
    expect(runners[0]?.memoryUse).toMatch(/ of weights, .* of KV in 21 blocks$/);
    const open = pipelineOf(model, [[0, 3]], sizes, new RecordingSampler(), smallProvider(63));
    await expect(open).rejects.toMatchObject({
      code: "RESOURCE_EXHAUSTED",
      message: expect.stringMatching(/layers \[0, 3\) do not fit WebGPU: .*lower --max-batch-tokens/),
    });
  });

  it("measures with few blocks, where the device tells its memory, and computes with those that fit", async () => {
    const mebibyte = 2 ** 20;
    const opened: number[] = [];
    const memory = async () => ({ totalBytes: 2 ** 30, freeBytes: 266 * mebibyte, others: [] });
    const provider: Provider = {
      ...webgpuProvider(),
      memory,
      openCaches: (shape) => {
        opened.push(shape.dims[0]);
        return webgpuProvider().openCaches(shape);
      },
    };
    const model = await packed();
    const { kvHeadCount, headSize } = model.manifest.config;
    const sizes = { blockCount: 0, maxSequences: 1000, maxBatchTokens: 64 };
    const sampler = new RecordingSampler();
    const { driver, expectLogits, runners } = await pipelineOf(model, [[0, 3]], sizes, sampler, provider);
    const blockBytes = 2 * 3 * blockSize * kvHeadCount * headSize * 2;
    const fitting = Math.floor((10 * mebibyte) / blockBytes + 2);
    expect(opened).toEqual([2, fitting]);
    expect(runners[0]?.blockCount).toBe(fitting);
    driver.open(1, wanted);
    await driver.step([{ id: 1, tokens: tokensOf(40, 1) }]);
    expectLogits(1, tokensOf(40, 1));
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
      "an embedding alone on the GPU",
      [
        [0, 0],
        [0, 3, "cpu"],
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
