import { expect, test } from "vitest";
import type { Blob, Manifest } from "../../../model/store/manifest.js";
import { paperManifest } from "../../../test/fixtures/stage-fixtures.js";
import { heldWeights, stageWeightBytes } from "./weight-bytes.js";

/** 100 bytes of f16 products and 8 of f32 norms a blob. */
function halfManifest(change: Partial<Manifest["config"]> = {}): Manifest {
  const manifest = paperManifest({ layerCount: 4, ...change });
  const product = { encoding: "dense" as const, inputSize: 5, outputSize: 10, transposed: false };
  const withWeights = (blob: Blob): Blob => ({
    ...blob,
    sizeBytes: 108,
    tensors: [
      { name: "norm", dtype: "f32", shape: [2], offsetBytes: 0, sizeBytes: 8 },
      { name: "w", dtype: "f16", shape: [5, 10], offsetBytes: 4096, sizeBytes: 100 },
    ],
    products: [{ ...product, name: blob.role === "layer" ? "o" : "embed", weight: "w" }],
  });
  const normOnly = (blob: Blob): Blob => ({ ...blob, sizeBytes: 8 });
  return {
    ...manifest,
    variant: "f16",
    blobs: manifest.blobs.map((blob) => (blob.role === "head" ? normOnly(blob) : withWeights(blob))),
  };
}

const part = { firstLayer: 0, endLayer: 0, embedding: false, head: false };

test("f16 products take twice their bytes where f32 is computed, as many where f16 is", () => {
  const layers = { ...part, manifest: halfManifest(), firstLayer: 1, endLayer: 3 };
  expect(stageWeightBytes(layers, "f32")).toBe(2 * 208);
  expect(stageWeightBytes(layers, "f16")).toBe(2 * 108);
});

test("f32 products take half their bytes where f16 is computed", () => {
  const { blobs, ...rest } = halfManifest();
  const wide = blobs.map((blob) => ({
    ...blob,
    tensors: blob.tensors.map((tensor) => ({ ...tensor, dtype: "f32" as const })),
  }));
  const layers = { ...part, manifest: { ...rest, blobs: wide }, endLayer: 1 };
  expect(stageWeightBytes(layers, "f32")).toBe(108);
  expect(stageWeightBytes(layers, "f16")).toBe(58);
});

test("a table is looked up as it is stored, and what a tied head multiplies with is a copy beside it on a CPU", () => {
  const manifest = halfManifest();
  const bytes = (embedding: boolean, head: boolean, floats: "f32" | "f16") =>
    stageWeightBytes({ ...part, manifest, embedding, head }, floats);
  expect([bytes(true, false, "f32"), bytes(false, true, "f32"), bytes(true, true, "f32")]).toEqual([
    108,
    208 + 8,
    108 + 208 + 8,
  ]);
  expect([bytes(true, false, "f16"), bytes(false, true, "f16"), bytes(true, true, "f16")]).toEqual([
    108, 116, 116,
  ]);
  const untied = { ...part, manifest: halfManifest({ tiedEmbedding: false }), embedding: true, head: true };
  expect(stageWeightBytes(untied, "f32")).toBe(108 + 8);
});

test("the planner is told in sums", () => {
  expect(heldWeights(halfManifest(), "cpu")).toEqual({
    layerScale: 208 / 108,
    firstBytes: 108,
    lastBytes: 216,
    bothBytes: 324,
  });
  expect(heldWeights(halfManifest(), "cuda")).toEqual({
    layerScale: 1,
    firstBytes: 108,
    lastBytes: 116,
    bothBytes: 116,
  });
});
