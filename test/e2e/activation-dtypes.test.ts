import { expect, it, onTestFinished } from "vitest";
import type { ActivationDtype } from "../../common/tensor.js";
import { packModel } from "../../model/pack/pack-model.js";
import { openModelSource } from "../../model/source/open-source.js";
import { openStore } from "../../model/store/model-store.js";
import { createCpuRunner } from "../../stage-worker/engine/cpu/create-cpu-runner.js";
import { forcedSteps } from "../fixtures/forced-steps.js";
import { goldenPrompts } from "../fixtures/golden-runs.js";
import { RecordingSampler, RunnerDriver } from "../fixtures/runner-driver.js";
import { runnerOptions } from "../fixtures/stage-fixtures.js";
import { temporaryHome } from "../fixtures/temporary-home.js";
import { defaultModelPath } from "./default-model.js";

const prompts = goldenPrompts("smollm2-q4_1.json");
/** Two stages in f32 say what llama.cpp says with f32, but for so much of their hidden states' rounding. */
it.each<[ActivationDtype, { share: number; margin: number }]>([
  ["FLOAT16", { share: 0, margin: 0 }],
  ["BFLOAT16", { share: 0.02, margin: 0.5 }],
  ["INT8", { share: 0.05, margin: 1 }],
])("hidden states as %s keep the text", async (dtype, allowed) => {
  const steps = await forcedSteps(await twoStages(dtype), prompts);
  const different = steps.filter(({ chosen, expected }) => chosen !== expected);
  console.info(
    `${dtype}: same token at ${steps.length - different.length} of ${steps.length} steps, margins of the others: ${different.map(({ margin }) => margin.toFixed(3)).join(", ") || "-"}`,
  );
  expect(different.length).toBeLessThanOrEqual(allowed.share * steps.length);
  expect(different.filter(({ margin }) => margin > allowed.margin)).toEqual([]);
});

async function twoStages(activationDtype: ActivationDtype): Promise<RunnerDriver> {
  const store = openStore(await temporaryHome());
  const source = await openModelSource(defaultModelPath);
  const manifest = await packModel({ source, store, name: "smollm2", variant: "f32" });
  await source.close();
  const packed = { manifest, blobsFolder: store.home.blobs };
  const { layerCount, contextLength: maxContext } = manifest.config;
  const middle = layerCount / 2;
  const runners = await Promise.all(
    [
      { embedding: true, head: false, firstLayer: 0, endLayer: middle },
      { embedding: false, head: true, firstLayer: middle, endLayer: layerCount },
    ].map((place) => {
      const limits = { blockCount: 256, maxContext, maxSequences: prompts.length, threads: 2 };
      const options = { ...runnerOptions(), ...packed, ...place, ...limits, activationDtype };
      return createCpuRunner(options, new RecordingSampler());
    }),
  );
  onTestFinished(async () => {
    await Promise.all(runners.map((runner) => runner.close()));
  });
  return new RunnerDriver(runners);
}
