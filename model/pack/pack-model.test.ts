import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Home } from "../../common/home.js";
import { memorySource } from "../../test/fixtures/memory-source.js";
import { smallDisk } from "../../test/fixtures/small-disk.js";
import { temporaryHome } from "../../test/fixtures/temporary-home.js";
import type { Manifest } from "../store/manifest.js";
import { openStore } from "../store/model-store.js";
import { listJournals } from "../store/pack-journal.js";
import { type PackOptions, packModel } from "./pack-model.js";

const shas = ({ blobs }: Manifest) => blobs.map(({ sha256 }) => sha256);
const blobNames = async (home: Home) => (await readdir(home.blobs)).sort();

async function pack(home: Home, options: Partial<PackOptions> = {}): Promise<Manifest> {
  const store = openStore(home);
  return packModel({ source: memorySource(), store, name: "tiny", variant: "as-is", ...options });
}

describe("packing", () => {
  test("stores embed, layers and head, and a manifest that reads back the same", async () => {
    const home = await temporaryHome();
    const manifest = await pack(home);
    const store = openStore(home);
    expect(await store.get("tiny")).toEqual(manifest);
    expect(manifest.blobs.map(({ role, layer }) => [role, layer])).toEqual([
      ["embed", undefined],
      ["layer", 0],
      ["layer", 1],
      ["layer", 2],
      ["head", undefined],
    ]);
    expect(manifest.blobs.at(-1)?.products).toEqual([]);
    expect(manifest.blobs.at(-1)?.tensors.map(({ name }) => name)).toEqual(["norm"]);
    expect(await Promise.all(shas(manifest).map((sha256) => store.verify(sha256)))).not.toContain(false);
    expect(await store.readTokenizer(manifest)).toEqual(memorySource().tokenizer);
  });

  test("puts tensors where the manifest says, at multiples of 4096", async () => {
    const home = await temporaryHome();
    const { blobs } = await pack(home);
    const layer = blobs[1];
    const norm = layer?.tensors.find(({ name }) => name === "ffn_norm");
    const bytes = await readFile(join(home.blobs, layer?.sha256 ?? ""));
    const start = norm?.offsetBytes ?? 0;
    const expected = await memorySource().read("layers.0.ffn_norm.weight");
    expect(start).toBeGreaterThan(0);
    expect(bytes.subarray(start, start + 128)).toEqual(Buffer.from(expected));
    expect(layer?.tensors.every(({ offsetBytes }) => offsetBytes % 4096 === 0)).toBe(true);
  });

  test("keeps biases and an untied head", async () => {
    const source = memorySource({ tiedEmbedding: false, attentionBias: true });
    const { blobs } = await pack(await temporaryHome(), { source });
    expect(blobs.at(-1)?.products.map(({ name }) => name)).toEqual(["head"]);
    expect(blobs[1]?.products.find(({ name }) => name === "qkv")?.bias).toBeDefined();
  });

  test("is addressed by content: the same model twice gives the same blobs, another model others", async () => {
    const home = await temporaryHome();
    const first = await pack(home);
    const names = await blobNames(home);
    const again = await pack(home, { name: "copy" });
    const asF32 = await pack(home, { name: "copy", variant: "f32" });
    expect(shas(again)).toEqual(shas(first));
    expect(shas(asF32)).toEqual(shas(first));
    expect(await blobNames(home)).toEqual(names);
    const other = await pack(home, { source: memorySource({ seed: 2 }), name: "other" });
    expect(shas(other).filter((sha256) => shas(first).includes(sha256))).toEqual([]);
  });

  test("reports bytes and layers up to the whole", async () => {
    const seen: string[] = [];
    await pack(await temporaryHome(), {
      onProgress: ({ doneBytes, totalBytes, doneLayers, totalLayers }) =>
        seen.push(`${doneLayers}/${totalLayers} ${doneBytes <= totalBytes}`),
    });
    expect(seen).toEqual(["0/3 true", "0/3 true", "1/3 true", "2/3 true", "3/3 true", "3/3 true"]);
  });
});

describe("an interrupted pack", () => {
  /** Aborts when layer 1 is about to be read. */
  async function interrupt(home: Home): Promise<void> {
    const abort = new AbortController();
    const source = memorySource({
      onRead: (name) => {
        if (name.startsWith("layers.1.")) abort.abort();
      },
    });
    await expect(pack(home, { source, signal: abort.signal })).rejects.toMatchObject({ code: "CANCELLED" });
  }

  test("leaves no manifest and nothing half-written", async () => {
    const home = await temporaryHome();
    await interrupt(home);
    expect((await openStore(home).list()).models).toEqual([]);
    expect((await blobNames(home)).filter((name) => !/^[0-9a-f]{64}$/.test(name))).toEqual([]);
    expect(await blobNames(home)).toHaveLength(2);
  });

  test("is continued: only the rest is written, and the result is the same", async () => {
    const home = await temporaryHome();
    await interrupt(home);
    const before = await blobNames(home);
    const disk = smallDisk(Number.MAX_SAFE_INTEGER);
    let created = 0;
    const counting = {
      ...disk,
      open: (...args: Parameters<typeof disk.open>) => {
        if (args[0].includes("pack-")) created += 1;
        return disk.open(...args);
      },
    };
    const manifest = await pack(home, { store: openStore(home, counting) });
    // Layers 1 and 2, the head and the tokenizer.
    expect(created).toBe(4);
    expect(shas(manifest)).toEqual(shas(await pack(await temporaryHome())));
    expect(await blobNames(home)).toEqual(expect.arrayContaining(before));
    expect(await listJournals(home)).toEqual([]);
  });

  test("never lends its blobs to other weights of the same name", async () => {
    const home = await temporaryHome();
    await interrupt(home);
    const source = memorySource({ seed: 9 });
    const manifest = await pack(home, { source });
    expect(shas(manifest)).toEqual(shas(await pack(await temporaryHome(), { source })));
  });

  test("does not trust blobs that were cut since", async () => {
    const home = await temporaryHome();
    await interrupt(home);
    for (const name of await blobNames(home)) await writeFile(join(home.blobs, name), "cut");
    const manifest = await pack(home);
    expect(await openStore(home).missingBlobs(manifest)).toEqual([]);
    expect(await openStore(home).verify(manifest.blobs[0]?.sha256 ?? "")).toBe(true);
  });

  test("that was killed has its partial files cleaned away by the next", async () => {
    const home = await temporaryHome();
    await interrupt(home);
    await writeFile(join(home.blobs, "pack-99-0123.partial"), "half");
    await pack(home);
    expect((await blobNames(home)).filter((name) => name.endsWith(".partial"))).toEqual([]);
  });
});

describe("a full disk", () => {
  test("is noticed before anything is written", async () => {
    const home = await temporaryHome();
    const store = openStore(home, smallDisk(Number.MAX_SAFE_INTEGER, 1000));
    await expect(pack(home, { store })).rejects.toMatchObject({
      code: "RESOURCE_EXHAUSTED",
      message: expect.stringMatching(/blobs.*\(\d+ bytes\) are needed, .*\(1000 bytes\) are free/),
    });
    expect(await blobNames(home)).toEqual([]);
  });

  test("in the middle leaves nothing half-written, and packing continues when there is room", async () => {
    const home = await temporaryHome();
    await expect(pack(home, { store: openStore(home, smallDisk(100_000)) })).rejects.toMatchObject({
      code: "RESOURCE_EXHAUSTED",
      details: { neededBytes: expect.any(Number), path: expect.stringContaining("blobs") },
    });
    expect((await blobNames(home)).filter((name) => name.endsWith(".partial"))).toEqual([]);
    expect((await openStore(home).list()).models).toEqual([]);
    await pack(home);
  });
});

test("two packers of one model take turns", async () => {
  const home = await temporaryHome();
  let waits = 0;
  const onWait = () => {
    waits += 1;
  };
  const [first, second] = await Promise.all([pack(home, { onWait }), pack(home, { onWait })]);
  expect(waits).toBe(1);
  expect(shas(first)).toEqual(shas(second));
});
