import { expect, it } from "vitest";
import { packModel } from "../../model/pack/pack-model.js";
import { openModelSource } from "../../model/source/open-source.js";
import type { Variant } from "../../model/store/manifest.js";
import { openStore } from "../../model/store/model-store.js";
import { createCpuRunner } from "../../stage-worker/engine/cpu/create-cpu-runner.js";
import { type ForcedStep, forcedSteps } from "../fixtures/forced-steps.js";
import { goldenPrompts } from "../fixtures/golden-runs.js";
import { RecordingSampler, RunnerDriver } from "../fixtures/runner-driver.js";
import { runnerOptions } from "../fixtures/stage-fixtures.js";
import { temporaryHome } from "../fixtures/temporary-home.js";
import { defaultModelPath } from "./default-model.js";

const prompts = goldenPrompts("smollm2-q4_1.json");

it("f32 says exactly what llama.cpp says with f32", async () => {
  const same = await stepsOf("f32");
  expect(same.filter(({ chosen, expected }) => chosen !== expected)).toEqual([]);
});

it("as-is is as close to f32 as llama.cpp's own quantized run", async () => {
  const steps = await stepsOf("as-is");
  const different = steps.filter(({ chosen, expected }) => chosen !== expected);
  expect(different.filter(({ margin }) => margin > 1.5)).toEqual([]);
  expect(different.length).toBeLessThanOrEqual(0.05 * steps.length);
});

it("int8 says the same as f32 at 96.5 % of the steps or more", async () => {
  const steps = await stepsOf("int8");
  const different = steps.filter(({ chosen, expected }) => chosen !== expected);
  expect(different.filter(({ margin }) => margin > 1.5)).toEqual([]);
  expect(different.length).toBeLessThanOrEqual(0.035 * steps.length);
});

async function stepsOf(variant: Variant): Promise<ForcedStep[]> {
  const { driver, close } = await openPipeline(variant);
  const steps = await forcedSteps(driver, prompts);
  await close();
  return steps;
}

async function openPipeline(variant: Variant) {
  const store = openStore(await temporaryHome());
  const source = await openModelSource(defaultModelPath);
  const manifest = await packModel({ source, store, name: "smollm2", variant });
  await source.close();
  const { layerCount, contextLength: maxContext } = manifest.config;
  const runner = await createCpuRunner(
    {
      ...runnerOptions({ manifest, blobsFolder: store.home.blobs, blockCount: 256, maxContext }),
      endLayer: layerCount,
      maxSequences: prompts.length,
      threads: 2,
    },
    new RecordingSampler(),
  );
  return { driver: new RunnerDriver([runner]), close: () => runner.close() };
}
