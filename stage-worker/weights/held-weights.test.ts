import { expect, test } from "vitest";
import { halfManifest } from "../../test/fixtures/half-manifest.js";
import { paperManifest } from "../../test/fixtures/stage-fixtures.js";
import { cpuHeldWeights } from "./held-weights.js";

test("a CPU holds products of f16 as f32, and a tied table once more to multiply with", () => {
  const layerBytes = Array(4).fill(208);
  const form = { name: "f32", embeddingBytes: 108, layerBytes, kvTokens: 0 };
  expect(cpuHeldWeights(halfManifest())).toEqual([{ ...form, headBytes: 8 + 208 }]);
  expect(cpuHeldWeights(halfManifest({ tiedEmbedding: false }))).toEqual([{ ...form, headBytes: 8 }]);
});

test("what it multiplies as it is stored has no form of its own", () => {
  expect(cpuHeldWeights(paperManifest())).toEqual([]);
});
