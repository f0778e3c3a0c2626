import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { homeAt } from "../../common/home.js";
import { ensureExpanded } from "../../model/expand/ensure-expanded.js";
import type { Manifest } from "../../model/store/manifest.js";
import { openStore } from "../../model/store/model-store.js";
import { createCpuRunner } from "../../stage-worker/engine/cpu/create-cpu-runner.js";
import { createPagedRunner } from "../../stage-worker/engine/paged/create-paged-runner.js";
import { webgpuProvider } from "../../stage-worker/engine/paged/webgpu-provider.js";
import type { StageRunner } from "../../stage-worker/engine/stage-runner.js";
import { lastLogits, relativeError, tokensOf } from "../fixtures/cpu-pipeline.js";
import { packedWeights } from "../fixtures/packed-weights.js";
import { roundPacked } from "../fixtures/round-packed.js";
import { RecordingSampler, RunnerDriver } from "../fixtures/runner-driver.js";
import { runnerOptions } from "../fixtures/stage-fixtures.js";
import { packTiny, type TinyModelOptions, tinySource } from "../fixtures/tiny-model.js";
import { webgpuMissing } from "../fixtures/webgpu.js";
import { wholeLogits } from "../fixtures/whole-logits.js";

const blockSize = 32;
/** Of f16 alone. */
const halvesTolerance = 0.015;
/** Of activations that are rounded to 8 bits, on a GPU as on a CPU, through three layers. */
const roundedTolerance = 0.025;

type Packed = { manifest: Manifest; blobsFolder: string };
type Stage = readonly [first: number, end: number, how: "cpu" | "packed" | "expanded"];

const sizes = {
  ...{ hiddenSize: 256, feedForwardSize: 512, headSize: 64, ropeDimension: 64, ropeInterleaved: false },
  attentionBias: true,
};

async function packed(
  encoding: ReturnType<NonNullable<TinyModelOptions["encoding"]>>,
  config: TinyModelOptions["config"] = {},
): Promise<Packed> {
  return packTiny(tinySource({ config: { ...sizes, ...config }, encoding: () => encoding }), "as-is");
}

async function expand({ manifest, blobsFolder }: Packed): Promise<Manifest> {
  const store = openStore(homeAt(join(blobsFolder, "..")));
  const blobs = [];
  for (const blob of manifest.blobs) blobs.push(await ensureExpanded(store, blob));
  return { ...manifest, blobs };
}

/** How far from the exact logits of what is packed a pipeline of stages is, reading a prompt and going on. */
async function errorsOf(model: Packed, ranges: readonly Stage[]): Promise<number[]> {
  const sampler = new RecordingSampler();
  const runners: StageRunner[] = [];
  for (const [index, [firstLayer, endLayer, how]] of ranges.entries()) {
    const options = {
      ...runnerOptions({ blockCount: 32, blockSize, activationDtype: "FLOAT16" }),
      ...model,
      ...(how === "expanded" && { manifest: await expand(model) }),
      ...{ embedding: index === 0, head: index === ranges.length - 1, firstLayer, endLayer },
    };
    const runner =
      how === "cpu"
        ? await createCpuRunner(options, sampler)
        : await createPagedRunner(options, webgpuProvider(), sampler);
    onTestFinished(() => runner.close());
    runners.push(runner);
  }
  const driver = new RunnerDriver(runners, blockSize);
  const weights = await packedWeights(model.manifest, model.blobsFolder);
  const errors: number[] = [];
  for (const [id, length] of [3, 40].entries()) {
    const tokens = tokensOf(length, id);
    driver.open(id, wholeLogits);
    for (const step of [tokens.slice(0, -1), tokens.slice(-1)]) {
      await driver.step([{ id, tokens: step }]);
    }
    errors.push(relativeError(sampler.logits.get(id), lastLogits(model.manifest, weights, tokens)));
  }
  return errors;
}

const whole = (how: Stage[2]): readonly Stage[] => [[0, 3, how]];

describe.skipIf(await webgpuMissing())("packed weights on WebGPU", () => {
  it.each([
    ["4 bits", "Q4_0", {}],
    ["4 bits with minima", "Q4_1", { tiedEmbedding: false }],
    ["8 bits", "Q8_0", {}],
    ["4 bits of large blocks with minima", "Q4_K", {}],
    ["4 bits in blocks of 16 with minima", "Q2_K", {}],
    ["8 bits in blocks of 16", "Q6_K", { tiedEmbedding: false }],
  ] as const)("are multiplied as they are and expanded, as on a CPU: %s", async (_name, encoding, config) => {
    const model = await packed(encoding, config);
    const [cpu, gpu, f16] = [
      await errorsOf(model, whole("cpu")),
      await errorsOf(model, whole("packed")),
      await errorsOf(model, whole("expanded")),
    ];
    expect(Math.max(...cpu)).toBeLessThan(roundedTolerance);
    expect(Math.max(...gpu)).toBeLessThan(roundedTolerance);
    expect(Math.max(...f16)).toBeLessThan(halvesTolerance);
  });

  it("are expanded where they are of integers, and stand in one pipeline with CPUs that multiply those", async () => {
    const model = await roundPacked(await packTiny(tinySource({ config: sizes }), "f32"));
    expect(Math.max(...(await errorsOf(model, whole("expanded"))))).toBeLessThan(halvesTolerance);
    for (const ranges of [
      [
        [0, 1, "cpu"],
        [1, 3, "expanded"],
      ],
      [
        [0, 2, "expanded"],
        [2, 3, "cpu"],
      ],
    ] as const) {
      expect(Math.max(...(await errorsOf(model, ranges)))).toBeLessThan(roundedTolerance);
    }
    await expect(errorsOf(model, whole("packed"))).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
      message: expect.stringMatching(/cannot compute tiny as int8 .*integers.*--gpu-weights auto or f16/),
    });
  });

  it("stand in one pipeline in all their forms", async () => {
    const errors = await errorsOf(await packed("Q4_1"), [
      [0, 1, "cpu"],
      [1, 2, "packed"],
      [2, 3, "expanded"],
    ]);
    expect(Math.max(...errors)).toBeLessThan(roundedTolerance);
  });
});
