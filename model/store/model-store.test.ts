import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { memorySource } from "../../test/fixtures/memory-source.js";
import { smallDisk } from "../../test/fixtures/small-disk.js";
import { temporaryHome } from "../../test/fixtures/temporary-home.js";
import { packModel } from "../pack/pack-model.js";
import { writeFileAtomic } from "./atomic-file.js";
import type { Manifest, Variant } from "./manifest.js";
import { parseManifest } from "./manifest-file.js";
import { type ModelStore, openStore } from "./model-store.js";

async function setUp(): Promise<ModelStore> {
  return openStore(await temporaryHome());
}

function pack(store: ModelStore, name: string, variant: Variant = "f32"): Promise<Manifest> {
  return packModel({ source: memorySource({ layerCount: 1 }), store, name, variant });
}

async function damage(store: ModelStore, name: string, text: string): Promise<string> {
  const path = join(store.home.models, name, "f32.json");
  await writeFile(path, text);
  return path;
}

describe("finding models", () => {
  test("an empty store is no error, and makes no folder", async () => {
    const store = await setUp();
    expect(await store.list()).toEqual({ models: [], damaged: [] });
    expect(await store.totalBytes()).toBe(0);
    expect(await readdir(store.home.root)).toEqual([]);
  });

  test("by name, alias, variant, and in any case", async () => {
    const store = await setUp();
    const manifest = await pack(store, "smollm2-135m-instruct");
    for (const text of ["smollm2", "SmolLM2:f32", "smollm2-135m-instruct", "smollm2-135m-instruct:F32"]) {
      expect(await store.get(text)).toEqual(manifest);
    }
    expect(await store.get("smollm2", "f32")).toEqual(manifest);
    expect(await store.find("smollm2-135m-instruct", "int8")).toBeUndefined();
  });

  test("int8 comes first when no variant is given, then as-is", async () => {
    const store = await setUp();
    for (const variant of ["f32", "as-is", "int8"] as const) {
      await pack(store, "tiny", variant);
      expect((await store.get("tiny")).variant).toBe(variant);
    }
  });

  test.each([
    ["absent", "NOT_FOUND", /no absent: `stagecoach pull absent`/],
    ["tiny:int4", "NOT_FOUND", /no tiny:int4/],
    ["tiny:int3", "INVALID_ARGUMENT", /"int3" is no variant: give one of as-is/],
    ["../tiny", "INVALID_ARGUMENT", /no model's name/],
    ["", "INVALID_ARGUMENT", /no model's name/],
  ])("%j is %s", async (text, code, message) => {
    const store = await setUp();
    await pack(store, "tiny");
    await expect(store.get(text)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  test("sizes count shared blobs once", async () => {
    const store = await setUp();
    await pack(store, "one");
    const alone = await store.totalBytes();
    await pack(store, "two");
    const { models } = await store.list();
    expect(models.map(({ manifest }) => manifest.model)).toEqual(["one", "two"]);
    expect(models.map(({ sizeBytes }) => sizeBytes)).toEqual([alone, alone]);
    expect(await store.totalBytes()).toBe(alone);
  });
});

describe("a damaged manifest", () => {
  test.each([
    ["cut off", '{"formatVersion":1,'],
    ["not a manifest", '{"formatVersion":2}'],
    ["empty", ""],
  ])("that is %s is named with the way out; others are still listed", async (_, text) => {
    const store = await setUp();
    await pack(store, "bad");
    await pack(store, "good");
    const path = await damage(store, "bad", text);
    await expect(store.get("bad:f32")).rejects.toMatchObject({
      code: "DATA_LOSS",
      message: expect.stringMatching(/`stagecoach pull bad:f32`.*`stagecoach rm bad:f32`/),
      details: { path },
    });
    const { models, damaged } = await store.list();
    expect(models.map(({ manifest }) => manifest.model)).toEqual(["good"]);
    expect(damaged).toMatchObject([{ name: "bad", variant: "f32", error: { code: "DATA_LOSS" } }]);
  });

  test.each([
    ["a tensor beyond its blob", (layer: Manifest["blobs"][number]) => ({ ...layer, sizeBytes: 100 })],
    ["a layer twice", (layer: Manifest["blobs"][number]) => ({ ...layer, layer: 5 })],
    ["a product without its tensor", (layer: Manifest["blobs"][number]) => ({ ...layer, tensors: [] })],
    [
      "a tensor of another size than its shape",
      (layer: Manifest["blobs"][number]) => ({
        ...layer,
        tensors: layer.tensors.map((tensor) => ({ ...tensor, shape: [3] })),
      }),
    ],
  ])("with %s is refused", async (_, change) => {
    const manifest = await pack(await setUp(), "tiny");
    expect(parseManifest(JSON.stringify(manifest))).toEqual(manifest);
    const blobs = manifest.blobs.map((blob) => (blob.role === "layer" ? change(blob) : blob));
    expect(() => parseManifest(JSON.stringify({ ...manifest, blobs }))).toThrow(/not a manifest/);
  });
});

describe("blobs", () => {
  test("are checked by size, and by hash when asked", async () => {
    const store = await setUp();
    const manifest = await pack(store, "tiny");
    const { sha256, sizeBytes } = manifest.blobs[0] ?? { sha256: "", sizeBytes: 0 };
    expect([await store.has(sha256), await store.has(sha256, sizeBytes), await store.verify(sha256)]).toEqual(
      [true, true, true],
    );
    await writeFile(store.blobPath(sha256), Buffer.alloc(sizeBytes));
    expect(await store.verify(sha256)).toBe(false);
    await writeFile(store.blobPath(sha256), "cut");
    expect(await store.has(sha256, sizeBytes)).toBe(false);
    expect(await store.missingBlobs(manifest)).toEqual([sha256]);
    await writeFile(store.blobPath(manifest.tokenizer.sha256), "{}");
    await expect(store.readTokenizer(manifest)).rejects.toMatchObject({ code: "DATA_LOSS" });
  });

  test("are named by hashes only", async () => {
    const store = await setUp();
    expect(() => store.blobPath("../models/x")).toThrow(/no blob/);
    await expect(store.blobSize("0".repeat(64))).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});

describe("small files", () => {
  test("are replaced as a whole, and stay when the disk is full", async () => {
    const home = await temporaryHome();
    const path = join(home.models, "tiny", "f32.json");
    await writeFileAtomic(path, "first");
    await expect(writeFileAtomic(path, "second", smallDisk(3))).rejects.toMatchObject({
      code: "RESOURCE_EXHAUSTED",
      message: expect.stringContaining(path),
    });
    expect(await readdir(join(home.models, "tiny"))).toEqual(["f32.json"]);
    expect(await readFile(path, "utf8")).toBe("first");
  });

  test("beside manifests that are no variants are left alone", async () => {
    const store = await setUp();
    await mkdir(join(store.home.models, "tiny"), { recursive: true });
    await writeFile(join(store.home.models, "tiny", "source.json"), "{}");
    await writeFile(join(store.home.models, "README"), "");
    expect((await store.list()).damaged).toEqual([]);
  });
});
