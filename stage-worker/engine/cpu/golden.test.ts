import { expect, it } from "vitest";
import { packModel } from "../../../model/pack/pack-model.js";
import { openModelSource } from "../../../model/source/open-source.js";
import { openStore } from "../../../model/store/model-store.js";
import { goldenPath, goldenPrompts, goldenRun } from "../../../test/fixtures/golden-runs.js";
import { RecordingSampler, RunnerDriver } from "../../../test/fixtures/runner-driver.js";
import { runnerOptions } from "../../../test/fixtures/stage-fixtures.js";
import { temporaryHome } from "../../../test/fixtures/temporary-home.js";
import { createCpuRunner } from "./create-cpu-runner.js";

it("tells the same stories as llama.cpp, all of them at once", async () => {
  const store = openStore(await temporaryHome());
  const source = await openModelSource(goldenPath("stories260k-f32.gguf"));
  const manifest = await packModel({ source, store, name: "stories", variant: "f32" });
  await source.close();
  const prompts = goldenPrompts("stories260k.json");
  const runner = await createCpuRunner(
    {
      ...runnerOptions({ manifest, blobsFolder: store.home.blobs, blockCount: 64, maxContext: 128 }),
      endLayer: manifest.config.layerCount,
      maxSequences: prompts.length,
    },
    new RecordingSampler(),
  );
  const driver = new RunnerDriver([runner]);

  const texts = prompts.map(() => [] as number[]);
  for (const id of prompts.keys()) driver.open(id);
  let tokens = await driver.step(prompts.map(({ promptIds }, id) => ({ id, tokens: promptIds })));
  while (texts.some(({ length }) => length < 64)) {
    for (const { sequenceId, tokenId } of tokens) texts[sequenceId]?.push(tokenId);
    tokens = await driver.step(
      tokens.map(({ sequenceId, tokenId }) => ({ id: sequenceId, tokens: [tokenId] })),
    );
  }
  await runner.close();
  expect(texts).toEqual(prompts.map((prompt) => goldenRun(prompt, "f32").ids));
});
