import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { memorySource } from "../../test/fixtures/memory-source.js";
import { temporaryHome } from "../../test/fixtures/temporary-home.js";
import { ensureExpanded } from "../expand/ensure-expanded.js";
import { packModel } from "../pack/pack-model.js";
import { expansionKey, readExpansion } from "./expansions.js";
import { withBlobLock } from "./fetch-blob.js";
import type { Blob } from "./manifest.js";
import { type ModelStore, openStore } from "./model-store.js";
import { removeModel, removeUnused } from "./remove-model.js";
import { readSourceRecord, type SourceRecord, writeSourceRecord } from "./source-record.js";

async function setUp(): Promise<ModelStore> {
  return openStore(await temporaryHome());
}

function pack(store: ModelStore, name: string, seed = 1, variant: "f32" | "as-is" = "f32") {
  return packModel({ source: memorySource({ seed, layerCount: 1 }), store, name, variant });
}

const blobs = async (store: ModelStore) => (await readdir(store.home.blobs)).sort();

function record(path: string, downloaded: boolean): SourceRecord {
  return {
    formatVersion: 1,
    reference: path,
    path,
    downloaded,
    quantized: false,
    sizeBytes: 5,
    modifiedMs: 0,
  };
}

test("removing a model takes its blobs and leaves those that others need", async () => {
  const store = await setUp();
  const kept = await pack(store, "kept", 1);
  const keptBlobs = await blobs(store);
  await pack(store, "same", 1);
  expect(await removeModel(store, "same")).toMatchObject({
    removed: ["same:f32"],
    blobCount: 0,
    freedBytes: 0,
  });
  expect(await blobs(store)).toEqual(keptBlobs);

  const other = await pack(store, "other", 2);
  const removal = await removeModel(store, "other");
  // Its tokenizer is the same as the other's.
  const ownBytes = other.blobs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  expect(removal).toEqual({ removed: ["other:f32"], blobCount: other.blobs.length, freedBytes: ownBytes });
  expect(await blobs(store)).toEqual(keptBlobs);
  expect(await store.missingBlobs(kept)).toEqual([]);
  expect(await readdir(store.home.models)).toEqual(["kept"]);
});

test("what was made of blobs for GPUs goes with them, and stays while another model has them", async () => {
  const store = await setUp();
  const kept = await pack(store, "kept", 1, "as-is");
  const gone = await pack(store, "gone", 2, "as-is");
  const [keptBlob, goneBlob] = [kept.blobs[1] as Blob, gone.blobs[1] as Blob];
  const [keptMade, goneMade] = [await ensureExpanded(store, keptBlob), await ensureExpanded(store, goneBlob)];
  await pack(store, "same", 1, "as-is");
  await removeModel(store, "same");
  expect(await store.has(keptMade.sha256)).toBe(true);
  expect((await removeModel(store, "gone")).blobCount).toBe(gone.blobs.length + 1);
  expect(await store.has(goneMade.sha256)).toBe(false);
  expect(await readExpansion(store.home, expansionKey(goneBlob))).toBeUndefined();
  expect(await readExpansion(store.home, expansionKey(keptBlob))).toEqual(keptMade);
  expect(await store.has(keptMade.sha256)).toBe(true);
});

test("a variant goes alone, a name with all of them", async () => {
  const store = await setUp();
  await pack(store, "tiny", 1, "f32");
  await pack(store, "tiny", 1, "as-is");
  expect((await removeModel(store, "tiny:f32")).removed).toEqual(["tiny:f32"]);
  expect(await store.variantsOf("tiny")).toEqual(["as-is"]);
  await expect(removeModel(store, "tiny:f32")).rejects.toMatchObject({
    code: "NOT_FOUND",
    message: expect.stringContaining("of this model it has as-is"),
  });
  await pack(store, "tiny", 1, "f32");
  expect((await removeModel(store, "TINY")).removed).toEqual(["tiny:as-is", "tiny:f32"]);
  expect(await blobs(store)).toEqual([]);
  await expect(removeModel(store, "tiny")).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("what an interrupted pack finished is kept for it, and goes with its name", async () => {
  const store = await setUp();
  const abort = new AbortController();
  const source = memorySource({ layerCount: 1, onRead: (name) => name === "norm.weight" && abort.abort() });
  const packing = packModel({ source, store, name: "begun", variant: "f32", signal: abort.signal });
  await expect(packing).rejects.toMatchObject({ code: "CANCELLED" });
  const begun = await blobs(store);
  expect(begun).toHaveLength(2);
  await pack(store, "whole", 1);
  await removeModel(store, "whole");
  expect(await blobs(store)).toEqual(begun);
  expect(await removeModel(store, "begun")).toMatchObject({ removed: ["begun:f32"], blobCount: 2 });
  expect(await blobs(store)).toEqual([]);
});

test("a damaged model can be removed", async () => {
  const store = await setUp();
  await pack(store, "bad");
  await writeFile(join(store.home.models, "bad", "f32.json"), "{");
  expect((await removeModel(store, "bad")).removed).toEqual(["bad:f32"]);
  expect(await store.list()).toEqual({ models: [], damaged: [] });
  // Nobody knows which blobs were its own; this finds them.
  expect((await removeUnused(store)).blobCount).toBe(4);
  expect(await blobs(store)).toEqual([]);
});

test("a downloaded source goes with the last variant, one that the user brought stays", async () => {
  const store = await setUp();
  const downloaded = join(store.home.sources, "org", "repo", "model.gguf");
  const brought = join(store.home.root, "mine.gguf");
  await mkdir(join(store.home.sources, "org", "repo"), { recursive: true });
  await writeFile(downloaded, "model");
  await writeFile(brought, "model");
  for (const [name, path] of [
    ["a", downloaded],
    ["b", downloaded],
    ["c", brought],
  ] as const) {
    await pack(store, name);
    await writeSourceRecord(store.home, name, record(path, path === downloaded));
  }
  // Another model still comes from it.
  expect((await removeModel(store, "a")).source).toBeUndefined();
  expect((await removeModel(store, "b")).source).toBe(downloaded);
  expect((await removeModel(store, "c")).source).toBeUndefined();
  expect(await readdir(store.home.sources)).toEqual([]);
  expect(await readdir(store.home.root)).toContain("mine.gguf");
  expect(await readSourceRecord(store.home, "c")).toBeUndefined();
});

test("a record never leads to deleting what lies outside the home's sources", async () => {
  const store = await setUp();
  const outside = join(store.home.root, "precious");
  await writeFile(outside, "data");
  await pack(store, "tiny");
  await writeSourceRecord(store.home, "tiny", record(outside, true));
  await removeModel(store, "tiny");
  expect(await readdir(store.home.root)).toContain("precious");
});

test("unused blobs, graphs and broken-off transfers go, except one that is running", async () => {
  const store = await setUp();
  const manifest = await pack(store, "tiny");
  const needed = await blobs(store);
  const [idle, running, unused] = ["1", "2", "3"].map((digit) => digit.repeat(64)) as [
    string,
    string,
    string,
  ];
  await writeFile(store.blobPath(unused), "unused");
  await writeFile(`${store.blobPath(unused)}.onnx`, "graph");
  for (const sha256 of [idle, running]) await writeFile(`${store.blobPath(sha256)}.partial`, "half");
  const removal = await withBlobLock(store, running, {}, () => removeUnused(store));
  expect(removal).toMatchObject({ blobCount: 1, freedBytes: 6 });
  expect(await blobs(store)).toEqual([...needed, `${running}.partial`].sort());
  expect(await store.missingBlobs(manifest)).toEqual([]);
});

test("nothing is removed while somebody packs", async () => {
  const store = await setUp();
  await pack(store, "tiny");
  await store.exclusive({ purpose: "packing tiny:int8" }, async () => {
    await expect(removeModel(store, "tiny")).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
      message: expect.stringContaining("is packing tiny:int8"),
    });
  });
  expect(await store.variantsOf("tiny")).toEqual(["f32"]);
});
