import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { homeAt } from "../../common/home.js";
import { createLogger } from "../../common/log.js";
import { ensureExpanded } from "../../model/expand/ensure-expanded.js";
import type { Blob } from "../../model/store/manifest.js";
import { openStore } from "../../model/store/model-store.js";
import { packTiny, tinySource } from "../../test/fixtures/tiny-model.js";
import type { Device } from "../engine/device.js";
import { BlobKeeper } from "../transport/blob-keeper.js";
import type { WantedGpuWeights } from "./choose-gpu-weights.js";
import { GpuWeights } from "./gpu-weights.js";

const log = createLogger({ level: "silent", name: "test" });
const signal = new AbortController().signal;
const plenty = { maxSequences: 16, maxContext: 100, laneCount: 2, memoryBytes: 1e9 };

/** The weights of the first two layers of a tiny model and its head. */
async function setUp(device: Device = "webgpu", wanted: WantedGpuWeights = "auto") {
  const { manifest, blobsFolder } = await packTiny(tinySource({ encoding: () => "Q4_1" }), "as-is");
  const store = openStore(homeAt(join(blobsFolder, "..")));
  const weights = new GpuWeights({ device, wanted, store, blobs: new BlobKeeper(store, log), log });
  const part = { manifest, firstLayer: 1, endLayer: 3, embedding: false, head: true };
  return { weights, part, store };
}

const encodingsOf = ({ products }: Blob) => products.map(({ encoding }) => encoding);

describe("weights of a GPU stage", () => {
  it("are expanded for the stage's own blobs, which the store keeps", async () => {
    const { weights, part, store } = await setUp();
    const choice = weights.choose(part, plenty);
    expect(choice).toMatchObject({ name: "f16", expand: true, fewRowsKernel: false });
    const progress: [number, number][] = [];
    const onProgress = (done: number, total: number) => progress.push([done, total]);
    const held = await weights.prepare(part, choice, { signal, onProgress });
    expect(held.blobs.map(({ role, layer }) => [role, layer])).toEqual(
      part.manifest.blobs.map(({ role, layer }) => [role, layer]),
    );
    expect(held.blobs.map((blob) => encodingsOf(blob)[0])).toEqual([
      "dense",
      "blocked",
      "dense",
      "dense",
      undefined,
    ]);
    for (const blob of [0, 2, 3].map((index) => held.blobs[index] as Blob)) {
      expect(await store.verify(blob.sha256)).toBe(true);
      expect(blob).toEqual(
        await ensureExpanded(store, part.manifest.blobs[held.blobs.indexOf(blob)] as Blob),
      );
    }
    const [done = 0, total = 0] = progress.at(-1) ?? [];
    expect(done / total).toBeGreaterThan(0.7);
    expect(done).toBeLessThanOrEqual(total);
  });

  it("are made anew where they were harmed, and only those", async () => {
    const { weights, part, store } = await setUp();
    const choice = weights.choose(part, plenty);
    const held = await weights.prepare(part, choice, { signal });
    const gone = held.blobs[2] as Blob;
    await rm(store.blobPath(gone.sha256));
    const sizes: number[] = [];
    const again = await weights.prepare(part, choice, {
      signal,
      onProgress: (_done, total) => sizes.push(total),
    });
    expect(again).toEqual(held);
    expect(await store.verify(gone.sha256)).toBe(true);
    expect(new Set(sizes).size).toBe(1);
    expect(sizes[0]).toBeLessThan(gone.sizeBytes + 10 * 4096);
  });

  it("stay packed where they would not fit, with CUDA's kernel for few rows", async () => {
    const small = { ...plenty, memoryBytes: 1e4 };
    const { weights, part } = await setUp("cuda");
    const choice = weights.choose(part, small);
    expect(choice).toMatchObject({ name: "packed", expand: false, fewRowsKernel: true });
    expect(await weights.prepare(part, choice, { signal })).toBe(part.manifest);
    expect(weights.choose(part, { ...small, maxSequences: 4 }).fewRowsKernel).toBe(false);
    expect((await setUp("webgpu", "packed")).weights.choose(part, small).fewRowsKernel).toBe(false);
  });

  it("are as they are stored on a CPU", async () => {
    const { weights, part } = await setUp("cpu", "f16");
    const choice = weights.choose(part, plenty);
    expect(choice.name).toBe("");
    expect(await weights.prepare(part, choice, { signal })).toBe(part.manifest);
  });

  it("leave nothing half made when they are no longer wanted, or one cannot be made", async () => {
    const { weights, part, store } = await setUp();
    const choice = weights.choose(part, plenty);
    const stop = new AbortController();
    const reason = new Error("another epoch");
    const stopped = weights.prepare(part, choice, {
      signal: stop.signal,
      onProgress: () => stop.abort(reason),
    });
    await expect(stopped).rejects.toBe(reason);
    await rm(store.blobPath(part.manifest.blobs[2]?.sha256 as string));
    await expect(weights.prepare(part, choice, { signal })).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect((await readdir(store.home.blobs)).filter((name) => name.endsWith(".partial"))).toEqual([]);
  });
});
