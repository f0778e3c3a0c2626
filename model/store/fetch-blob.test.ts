import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { StagecoachError } from "../../common/errors.js";
import { randomBytes, seededRandom } from "../../test/fixtures/random.js";
import { smallDisk } from "../../test/fixtures/small-disk.js";
import { temporaryHome } from "../../test/fixtures/temporary-home.js";
import { type BlobFetch, fetchBlob, readBlobChunks } from "./fetch-blob.js";
import { type ModelStore, openStore } from "./model-store.js";

const content = Buffer.from(randomBytes(5000, seededRandom(1)));
const sha256 = createHash("sha256").update(content).digest("hex");
const sizeBytes = content.length;

/** Sends pieces of 1000 bytes; the stream of attempt n breaks or ends after `limits[n]` bytes. */
function sender(bytes: Uint8Array, limits: { breaksAfter?: number; endsAfter?: number }[] = []) {
  const offsets: number[] = [];
  return {
    offsets,
    async *open(offsetBytes: number): AsyncGenerator<Uint8Array> {
      const { breaksAfter, endsAfter } = limits[offsets.length] ?? {};
      offsets.push(offsetBytes);
      const end = Math.min(bytes.length, offsetBytes + (breaksAfter ?? endsAfter ?? bytes.length));
      for (let at = offsetBytes; at < end; at += 1000) yield bytes.subarray(at, Math.min(at + 1000, end));
      if (breaksAfter !== undefined) throw new StagecoachError("UNAVAILABLE", "the line broke");
    },
  };
}

async function setUp(): Promise<ModelStore> {
  return openStore(await temporaryHome());
}

function fetch(store: ModelStore, options: Partial<BlobFetch>): Promise<string> {
  const wait = async () => undefined;
  return fetchBlob({ store, sha256, sizeBytes, wait, open: sender(content).open, ...options });
}

const filesOf = (store: ModelStore) => readdir(store.home.blobs);

describe("fetching a blob", () => {
  test("puts it under its hash and reports bytes", async () => {
    const store = await setUp();
    const seen: number[] = [];
    const path = await fetch(store, { onBytes: (bytes) => seen.push(bytes) });
    expect(path).toBe(store.blobPath(sha256));
    expect(await readFile(path)).toEqual(content);
    expect(await filesOf(store)).toEqual([sha256]);
    expect(seen).toEqual([0, 1000, 2000, 3000, 4000, 5000]);
  });

  test("asks nobody for what is here", async () => {
    const store = await setUp();
    await fetch(store, {});
    const { open, offsets } = sender(content);
    await fetch(store, { open });
    expect(offsets).toEqual([]);
  });

  test("continues a stream that broke where it stopped", async () => {
    const store = await setUp();
    const { open, offsets } = sender(content, [{ breaksAfter: 2000 }, { breaksAfter: 1500 }]);
    await fetch(store, { open });
    expect(offsets).toEqual([0, 2000, 3500]);
    expect(await store.verify(sha256)).toBe(true);
  });

  test("continues what an earlier process left", async () => {
    const store = await setUp();
    await mkdir(store.home.blobs);
    await writeFile(`${store.blobPath(sha256)}.partial`, content.subarray(0, 1234));
    const { open, offsets } = sender(content);
    await fetch(store, { open });
    expect(offsets).toEqual([1234]);
    expect(await filesOf(store)).toEqual([sha256]);
  });

  test("begins anew once when what was left is not of this blob, or too long", async () => {
    for (const left of [Buffer.alloc(700), Buffer.alloc(sizeBytes + 1)]) {
      const store = await setUp();
      await mkdir(store.home.blobs);
      await writeFile(`${store.blobPath(sha256)}.partial`, left);
      await fetch(store, {});
      expect(await store.verify(sha256)).toBe(true);
    }
  });

  test("gives up after a bounded number of attempts and keeps what came", async () => {
    const store = await setUp();
    const breaks = Array.from({ length: 50 }, () => ({ breaksAfter: 10 }));
    const { open, offsets } = sender(content, breaks);
    await expect(fetch(store, { open })).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect(offsets).toEqual([0, 10, 20, 30, 40, 50]);
    expect(await filesOf(store)).toEqual([`${sha256}.partial`]);
  });

  test("waits longer and longer between attempts", async () => {
    const waits: number[] = [];
    const { open } = sender(content, [{ breaksAfter: 0 }, { breaksAfter: 0 }, { breaksAfter: 0 }]);
    await fetch(await setUp(), { open, wait: async (milliseconds) => void waits.push(milliseconds) });
    expect(waits).toEqual([250, 500, 1000]);
  });

  test.each([
    ["other bytes", Buffer.alloc(sizeBytes, 7), /sha256/],
    ["one byte too many", Buffer.concat([content, Buffer.alloc(1)]), /more bytes came than the 5000/],
    ["far too many bytes", Buffer.alloc(1_000_000), /more bytes came/],
    ["too few bytes, again and again", content.subarray(0, 4000), /ended after 4000 of 5000/],
  ])("refuses %s and keeps nothing", async (_, bytes, message) => {
    const store = await setUp();
    const { open } = sender(bytes);
    await expect(fetch(store, { open })).rejects.toMatchObject({
      code: "DATA_LOSS",
      message: expect.stringMatching(message),
    });
    expect(await filesOf(store)).toEqual([]);
  });

  test("does not try again what cannot pass", async () => {
    let attempts = 0;
    async function* open(): AsyncGenerator<Uint8Array> {
      attempts += 1;
      yield content.subarray(0, 10);
      throw new StagecoachError("NOT_FOUND", "no such blob");
    }
    await expect(fetch(await setUp(), { open })).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(attempts).toBe(1);
  });

  test("ends at once when it is aborted, though the sender hangs, and keeps what came", async () => {
    const store = await setUp();
    const abort = new AbortController();
    async function* open(): AsyncGenerator<Uint8Array> {
      yield content.subarray(0, 1000);
      await new Promise(() => undefined);
    }
    const onBytes = (bytes: number) => bytes === 1000 && abort.abort();
    const fetching = fetch(store, { open, signal: abort.signal, onBytes });
    await expect(fetching).rejects.toMatchObject({ code: "CANCELLED" });
    expect(await filesOf(store)).toEqual([`${sha256}.partial`]);
  });

  test("takes a silent sender for a broken one", async () => {
    let attempts = 0;
    async function* open(offsetBytes: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
      attempts += 1;
      if (attempts === 1) await new Promise((resolve) => signal.addEventListener("abort", resolve));
      yield content.subarray(offsetBytes);
    }
    await fetch(await setUp(), { open, stallMs: 5 });
    expect(attempts).toBe(2);
  });

  test("says how much room it needs, before and while writing", async () => {
    for (const disk of [smallDisk(10 ** 9, 4999), smallDisk(3500)]) {
      const store = openStore(await temporaryHome(), disk);
      await expect(fetch(store, {})).rejects.toMatchObject({
        code: "RESOURCE_EXHAUSTED",
        message: expect.stringContaining("bytes) are needed"),
      });
      expect(await filesOf(store)).toEqual([]);
    }
  });

  test("is done once when several want the same blob", async () => {
    const store = await setUp();
    const { open, offsets } = sender(content);
    await Promise.all([fetch(store, { open }), fetch(store, { open }), fetch(store, { open })]);
    expect(offsets).toEqual([0]);
  });
});

describe("serving a blob", () => {
  async function collect(store: ModelStore, offsetBytes: number): Promise<Buffer[]> {
    const chunks: Buffer[] = [];
    for await (const chunk of readBlobChunks(store, sha256, offsetBytes)) chunks.push(Buffer.from(chunk));
    return chunks;
  }

  test("sends it from an offset on, in chunks of 1 MiB", async () => {
    const store = await setUp();
    await fetch(store, {});
    expect(Buffer.concat(await collect(store, 100))).toEqual(content.subarray(100));
    expect(await collect(store, sizeBytes)).toEqual([]);
    await writeFile(join(store.home.blobs, sha256), Buffer.alloc(2 ** 20 + 5));
    expect((await collect(store, 0)).map(({ length }) => length)).toEqual([2 ** 20, 5]);
  });

  test("refuses what is not here, is no hash, or lies outside", async () => {
    const store = await setUp();
    await expect(collect(store, 0)).rejects.toMatchObject({ code: "NOT_FOUND" });
    await fetch(store, {});
    await expect(collect(store, sizeBytes + 1)).rejects.toMatchObject({ code: "OUT_OF_RANGE" });
    await expect(readBlobChunks(store, "../state/x", 0).next()).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
  });
});
