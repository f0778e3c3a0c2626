import { describe, expect, it } from "vitest";
import type { Variant } from "../../../model/store/manifest.js";
import {
  expectClose,
  lastLogits,
  pipeline,
  relativeError,
  stages,
  tokensOf,
} from "../../../test/fixtures/cpu-pipeline.js";
import { packedWeights } from "../../../test/fixtures/packed-weights.js";
import { opening } from "../../../test/fixtures/stage-fixtures.js";
import { packTiny, type TinyModelOptions, tinySource } from "../../../test/fixtures/tiny-model.js";
import type { StageRunner } from "../stage-runner.js";

/** Lengths that end inside, at and after a KV block. */
const prompts = [tokensOf(5, 1), tokensOf(16, 2), tokensOf(37, 3)];

describe("variants", () => {
  const odd = { hiddenSize: 48, headCount: 3, kvHeadCount: 3, feedForwardSize: 86 };
  const wide = { hiddenSize: 256, headSize: 64, feedForwardSize: 256, layerCount: 1 };
  const mixed = (name: string) => (/[.]v[.]|embed/.test(name) ? "Q8_0" : "Q4_1");
  const stored: Record<string, [Variant, TinyModelOptions]> = {
    int8: ["int8", {}],
    int4: ["int4", {}],
    "int8, sizes that no block divides": ["int8", { config: odd }],
    "int4, sizes that no block divides": ["int4", { config: odd }],
    "as-is, Q8_0": ["as-is", { encoding: () => "Q8_0" }],
    "as-is, Q4_0": ["as-is", { encoding: () => "Q4_0" }],
    "as-is, Q4_1": ["as-is", { encoding: () => "Q4_1" }],
    "as-is, Q2_K": ["as-is", { encoding: () => "Q2_K", config: wide }],
    "as-is, Q4_K": ["as-is", { encoding: () => "Q4_K", config: wide }],
    "as-is, Q6_K": ["as-is", { encoding: () => "Q6_K", config: wide }],
    "as-is, mixed": ["as-is", { encoding: mixed }],
  };
  it.each(Object.entries(stored))("multiplies what is stored: %s", async (_name, [variant, source]) => {
    const config = { ...source.config, tiedEmbedding: false };
    const { driver, sampler, weights, manifest } = await pipeline({ ...source, config }, {}, variant);
    for (const prompt of prompts) {
      const id = prompt.length;
      driver.open(id, { wantLogprobs: true });
      await driver.step([{ id, tokens: prompt }]);
      await driver.step([{ id, tokens: [9] }]);
      // Activations are rounded to 8 bits before each product: two or three hundredths after three layers.
      const expected = lastLogits(manifest, weights, [...prompt, 9]);
      expect(relativeError(sampler.logits.get(id), expected)).toBeLessThan(0.045);
    }
  });

  it.each(["Q4_0", "Q4_1", "Q8_0", "Q2_K", "Q6_K"] as const)(
    "looks up a tied embedding exactly: %s",
    async (encoding) => {
      const config = encoding.endsWith("_K") ? wide : { layerCount: 1 };
      const packed = await packTiny(tinySource({ encoding: () => encoding, config }), "as-is");
      const weights = await packedWeights(packed.manifest, packed.blobsFolder);
      const [stage] = (await stages(packed, [[0, 0]], { head: false })) as [StageRunner];
      stage.open([opening(1)]);
      const output = await stage.forward(
        { lane: 0, sequenceIds: [1], contextLengths: [0], lengths: [3], sample: [false], newBlocks: [[0]] },
        { kind: "tokens", tokenIds: Uint32Array.of(0, 49, 17) },
      );
      const width = packed.manifest.config.hiddenSize;
      const table = weights("embed.weight") ?? new Float64Array(0);
      const rows = [0, 49, 17].flatMap((token) => [...table.slice(token * width, (token + 1) * width)]);
      expectClose(
        output.kind === "hidden" ? (output.data as Float32Array) : undefined,
        Float64Array.from(rows),
        1e-6,
      );
    },
  );
});
