import { expect, it } from "vitest";
import { packModel } from "../../model/pack/pack-model.js";
import { openModelSource } from "../../model/source/open-source.js";
import type { Variant } from "../../model/store/manifest.js";
import { openStore } from "../../model/store/model-store.js";
import { createCpuRunner } from "../../stage-worker/engine/cpu/create-cpu-runner.js";
import { goldenPrompts, goldenRun } from "../fixtures/golden-runs.js";
import { RecordingSampler, RunnerDriver } from "../fixtures/runner-driver.js";
import { runnerOptions } from "../fixtures/stage-fixtures.js";
import { temporaryHome } from "../fixtures/temporary-home.js";
import { defaultModelPath } from "./default-model.js";

const prompts = goldenPrompts("smollm2-q4_1.json");

it("f32 says exactly what llama.cpp says with f32", async () => {
  const same = await forcedSteps("f32");
  expect(same.filter(({ chosen, expected }) => chosen !== expected)).toEqual([]);
});

it("as-is is as close to f32 as llama.cpp's own quantized run", async () => {
  const steps = await forcedSteps("as-is");
  const different = steps.filter(({ chosen, expected }) => chosen !== expected);
  expect(different.filter(({ margin }) => margin > 1.5)).toEqual([]);
  expect(different.length).toBeLessThanOrEqual(0.05 * steps.length);
});

it("int8 says the same as f32 at 96.5 % of the steps or more", async () => {
  const steps = await forcedSteps("int8");
  const different = steps.filter(({ chosen, expected }) => chosen !== expected);
  expect(different.filter(({ margin }) => margin > 1.5)).toEqual([]);
  expect(different.length).toBeLessThanOrEqual(0.035 * steps.length);
});

/**
 * The token that is most likely after each prefix of each f32 run. Every step is fed the run's own token, so
 * one different choice does not change the steps after it; where none differs, free running gives the same ids.
 */
async function forcedSteps(
  variant: Variant,
): Promise<{ chosen: number | undefined; expected: number; margin: number }[]> {
  const { driver, close } = await openPipeline(variant);
  for (const id of prompts.keys()) driver.open(id);
  const runs = prompts.map((prompt) => goldenRun(prompt, "f32"));
  const steps = [];
  for (let step = 0; step < Math.max(...runs.map(({ ids }) => ids.length)); step++) {
    const going = [...prompts.keys()].filter((id) => step < (runs[id]?.ids.length ?? 0));
    const sampled = await driver.step(
      going.map((id) => ({
        id,
        tokens: step === 0 ? (prompts[id]?.promptIds ?? []) : [runs[id]?.ids[step - 1] ?? 0],
      })),
    );
    for (const { sequenceId, tokenId } of sampled) {
      const run = runs[sequenceId];
      steps.push({
        chosen: tokenId,
        expected: run?.ids[step] ?? -1,
        margin: run?.margins[step] ?? 0,
      });
    }
  }
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
