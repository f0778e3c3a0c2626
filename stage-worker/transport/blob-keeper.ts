import { rm } from "node:fs/promises";
import { StagecoachError } from "../../common/errors.js";
import type { Logger } from "../../common/log.js";
import { statIfThere } from "../../model/store/disk.js";
import { fetchBlob } from "../../model/store/fetch-blob.js";
import type { ModelStore } from "../../model/store/model-store.js";
import { BlobClient } from "./blob-client.js";

/** What names a blob and its size. */
export interface BlobRef {
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** How blobs are made sure of. */
export interface EnsureOptions {
  /** host:port of a Cluster service; empty when absent blobs cannot be fetched. */
  readonly blobAddress: string;
  readonly signal: AbortSignal;
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
}

/**
 * Makes sure that blobs are in the worker's store and unharmed. A blob that is there is read and compared
 * with its hash once in this process, and again when its file has changed; one that is absent or harmed is
 * fetched.
 */
export class BlobKeeper {
  readonly #store: ModelStore;
  readonly #log: Logger;
  /** What a blob's file looked like when its hash was right. */
  readonly #verified = new Map<string, string>();

  constructor(store: ModelStore, log: Logger) {
    this.#store = store;
    this.#log = log;
  }

  /**
   * @throws StagecoachError FAILED_PRECONDITION when a blob is not here and there is nobody to ask; DATA_LOSS
   * when what was sent has another hash; otherwise as `fetchBlob`
   */
  async ensure(blobs: readonly BlobRef[], { blobAddress, signal, onProgress }: EnsureOptions): Promise<void> {
    const totalBytes = blobs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const client = blobAddress === "" ? undefined : new BlobClient(blobAddress);
    let doneBytes = 0;
    try {
      for (const blob of blobs) {
        signal.throwIfAborted();
        if (!(await this.isHere(blob))) {
          await this.#fetch(blob, client, signal, (bytes) => onProgress?.(doneBytes + bytes, totalBytes));
        }
        doneBytes += blob.sizeBytes;
        onProgress?.(doneBytes, totalBytes);
      }
    } finally {
      client?.close();
    }
  }

  /** Whether a blob is in the store and unharmed; one that is harmed is removed. */
  async isHere({ sha256, sizeBytes }: BlobRef): Promise<boolean> {
    const looks = await this.#looks(sha256);
    if (looks === undefined) return false;
    if (this.#verified.get(sha256) === looks) return true;
    if ((await this.#store.has(sha256, sizeBytes)) && (await this.#store.verify(sha256))) {
      this.#verified.set(sha256, looks);
      return true;
    }
    this.#log.warn(
      { sha256, path: this.#store.blobPath(sha256) },
      "a blob in the store is damaged; removing it",
    );
    await rm(this.#store.blobPath(sha256), { force: true });
    return false;
  }

  async #fetch(
    blob: BlobRef,
    client: BlobClient | undefined,
    signal: AbortSignal,
    onBytes: (doneBytes: number) => void,
  ): Promise<void> {
    if (client === undefined) {
      throw new StagecoachError(
        "FAILED_PRECONDITION",
        `blob ${blob.sha256} is not in the store at ${this.#store.home.root} and the request names no blob_address to fetch it from`,
      );
    }
    this.#log.debug({ ...blob }, "fetching a blob");
    await fetchBlob({
      store: this.#store,
      ...blob,
      open: (offsetBytes, stop) => client.read(blob, offsetBytes, stop),
      signal,
      onBytes,
    });
    const looks = await this.#looks(blob.sha256);
    if (looks !== undefined) this.#verified.set(blob.sha256, looks);
  }

  async #looks(sha256: string): Promise<string | undefined> {
    const found = await statIfThere(this.#store.blobPath(sha256));
    return found && `${found.ino} ${found.size} ${found.mtimeMs}`;
  }
}
