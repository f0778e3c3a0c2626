import { open, rename } from "node:fs/promises";
import { join } from "node:path";
import { StagecoachError } from "../../common/errors.js";
import { syncFolder } from "./disk.js";
import { type Download, downloadToFile } from "./download-to-file.js";
import type { ModelStore } from "./model-store.js";
import { withLock } from "./store-lock.js";

/** A blob that somebody else has. */
export interface BlobFetch extends Pick<Download, "open" | "onBytes" | "signal" | "stallMs" | "wait"> {
  readonly store: ModelStore;
  readonly sha256: string;
  readonly sizeBytes: number;
}

/**
 * Makes sure that a blob is in the store, continuing what an earlier transfer left. Of several processes
 * that want the same blob in one home, one fetches and the others wait for it.
 *
 * @returns The blob's path.
 * @throws StagecoachError as `downloadToFile` does.
 */
export async function fetchBlob(fetch: BlobFetch): Promise<string> {
  const { store, sha256, sizeBytes, signal, onBytes } = fetch;
  const path = store.blobPath(sha256);
  if (await store.has(sha256, sizeBytes)) {
    onBytes?.(sizeBytes);
    return path;
  }
  return withBlobLock(store, sha256, { signal }, async (lockSignal) => {
    if (await store.has(sha256, sizeBytes)) {
      onBytes?.(sizeBytes);
      return path;
    }
    const partialPath = `${path}.partial`;
    await downloadToFile({
      what: `blob ${sha256}`,
      partialPath,
      sha256,
      sizeBytes,
      open: fetch.open,
      onBytes,
      signal: lockSignal,
      disk: store.disk,
      stallMs: fetch.stallMs,
      wait: fetch.wait,
    });
    await rename(partialPath, path);
    await syncFolder(store.home.blobs);
    return path;
  });
}

/** Runs `body` while no other process fetches this blob into this home. */
export function withBlobLock<Result>(
  store: ModelStore,
  sha256: string,
  options: { signal?: AbortSignal | undefined; wait?: boolean },
  body: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const path = join(store.home.state, "locks", `blob-${sha256}.lock`);
  return withLock({ ...options, path, purpose: `fetching blob ${sha256}` }, body);
}

/** Whether a file among the blobs is one that `fetchBlob` has begun. */
export function isPartialBlob(fileName: string): boolean {
  return /^[0-9a-f]{64}\.partial$/.test(fileName);
}

const chunkBytes = 2 ** 20;

/**
 * A blob's bytes from an offset on, 1 MiB at a time, for whoever serves it. Every chunk has memory of its
 * own, so it may be kept.
 *
 * @throws StagecoachError NOT_FOUND when the blob is not here, OUT_OF_RANGE when the offset is beyond it.
 */
export async function* readBlobChunks(
  store: ModelStore,
  sha256: string,
  offsetBytes: number,
): AsyncGenerator<Uint8Array> {
  const sizeBytes = await store.blobSize(sha256);
  if (!Number.isSafeInteger(offsetBytes) || offsetBytes < 0 || offsetBytes > sizeBytes) {
    throw new StagecoachError(
      "OUT_OF_RANGE",
      `offset ${offsetBytes} lies outside blob ${sha256} of ${sizeBytes} bytes`,
    );
  }
  const file = await open(store.blobPath(sha256), "r");
  try {
    for (let position = offsetBytes; position < sizeBytes; ) {
      const buffer = Buffer.allocUnsafeSlow(Math.min(chunkBytes, sizeBytes - position));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
      if (bytesRead === 0) throw new StagecoachError("DATA_LOSS", `blob ${sha256} ends at ${position}`);
      yield buffer.subarray(0, bytesRead);
      position += bytesRead;
    }
  } finally {
    await file.close();
  }
}
