import { expect, test } from "vitest";
import { halfManifest } from "../../../test/fixtures/half-manifest.js";
import { cpuWeightBytes, stageWeightBytes } from "./weight-bytes.js";

const part = { firstLayer: 0, endLayer: 0, embedding: false, head: false };

test("a stage has the blobs that it reads, as they are or as its device makes them", () => {
  const layers = { ...part, manifest: halfManifest(), firstLayer: 1, endLayer: 3 };
  expect(stageWeightBytes(layers)).toBe(2 * 108);
  expect(stageWeightBytes(layers, ({ sizeBytes }) => sizeBytes / 2)).toBe(108);
});

test("f16 products take twice their bytes on a CPU", () => {
  expect(cpuWeightBytes({ ...part, manifest: halfManifest(), firstLayer: 1, endLayer: 3 })).toBe(2 * 208);
});

test("a table is looked up as it is stored, and what a tied head multiplies with is a copy beside it", () => {
  const bytes = (embedding: boolean, head: boolean, change = {}) =>
    cpuWeightBytes({ ...part, manifest: halfManifest(change), embedding, head });
  expect([bytes(true, false), bytes(false, true), bytes(true, true)]).toEqual([108, 208 + 8, 108 + 208 + 8]);
  expect(bytes(true, true, { tiedEmbedding: false })).toBe(108 + 8);
});
