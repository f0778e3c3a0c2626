import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { ModelSource } from "../../../model/source/model-source.js";
import { openModelSource } from "../../../model/source/open-source.js";
import { expectClose, stages } from "../../../test/fixtures/cpu-pipeline.js";
import { writeRandomFolder } from "../../../test/fixtures/random-folder.js";
import { writeRandomGguf } from "../../../test/fixtures/random-gguf.js";
import { randomModel } from "../../../test/fixtures/random-model.js";
import { RecordingSampler, RunnerDriver } from "../../../test/fixtures/runner-driver.js";
import { tempFolder } from "../../../test/fixtures/temp-folder.js";
import { packTiny } from "../../../test/fixtures/tiny-model.js";

const prompt = [7, 3, 11, 5, 2, 9, 4];
const generated = 12;

/** GGUF stores llama's rotated heads in another order than safetensors do, so this covers both rotary layouts. */
test.each(["llama", "qwen2"] as const)(
  "a GGUF and a folder of the same %s compute the same",
  async (architecture) => {
    const model = randomModel({ architecture });
    const folder = await tempFolder();
    await writeRandomGguf(model, join(folder, "model.gguf"));
    await mkdir(join(folder, "folder"));
    await writeRandomFolder(model, join(folder, "folder"), { shardCount: 2 });

    const fromGguf = await greedy(await openModelSource(join(folder, "model.gguf")));
    const fromFolder = await greedy(await openModelSource(join(folder, "folder")));
    expect(fromFolder.tokens).toEqual(fromGguf.tokens);
    expect(new Set(fromGguf.tokens).size).toBeGreaterThan(1);
    expectClose(fromFolder.logits, Float64Array.from(fromGguf.logits), 1e-4);
  },
);

/** Prompt and twelve tokens through two stages; with the last token's logits. */
async function greedy(source: ModelSource) {
  const packed = await packTiny(source, "f32");
  await source.close();
  const { layerCount } = packed.manifest.config;
  const sampler = new RecordingSampler();
  const runners = await stages(
    packed,
    [
      [0, 1],
      [1, layerCount],
    ],
    {},
    sampler,
  );
  const driver = new RunnerDriver(runners);
  driver.open(1, { wantLogprobs: true });
  const tokens: number[] = [];
  let next: readonly number[] = prompt;
  for (let step = 0; step < generated; step++) {
    const [sampled] = await driver.step([{ id: 1, tokens: next }]);
    next = [sampled?.tokenId ?? expect.fail("nothing was sampled")];
    tokens.push(...next);
  }
  return { tokens, logits: sampler.logits.get(1) ?? expect.fail("no logits were recorded") };
}
