import { createHash, randomUUID } from "node:crypto";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Disk, type DiskFile, explainDiskError, statIfThere, syncFolder } from "./disk.js";

/** What a blob is known by. */
export interface BlobId {
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** Files that a packer left behind when it was killed match this; those of transfers do not. */
export const packPartialPattern: RegExp = /^pack-[\w-]+\.partial$/;

// Node refuses writes and hash updates of 2 GiB and more; smaller pieces also let timers run in between.
const pieceBytes = 16 * 2 ** 20;

/**
 * A blob while it is written: a `.partial` file that gets its name, the hash of its bytes, when it is
 * whole and on the disk. After a failed call the partial file is gone and the writer is of no more use.
 */
export class BlobWriter {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #partial: string;
  readonly #file: DiskFile;
  readonly #neededBytes: number;
  readonly #hash = createHash("sha256");
  #offsetBytes = 0;

  private constructor(disk: Disk, folder: string, partial: string, file: DiskFile, neededBytes: number) {
    this.#disk = disk;
    this.#folder = folder;
    this.#partial = partial;
    this.#file = file;
    this.#neededBytes = neededBytes;
  }

  /**
   * `neededBytes` is what the caller expects to write altogether; a full disk's error names it. `partialName` is the
   * unfinished file's, for callers who see to it that nobody else writes it and that none stays.
   */
  static async create(
    disk: Disk,
    folder: string,
    neededBytes: number,
    partialName = `pack-${process.pid}-${randomUUID()}.partial`,
  ): Promise<BlobWriter> {
    await mkdir(folder, { recursive: true });
    const partial = join(folder, partialName);
    try {
      return new BlobWriter(disk, folder, partial, await disk.open(partial, "create"), neededBytes);
    } catch (error) {
      throw await explainDiskError(error, { disk, path: partial, neededBytes });
    }
  }

  /** Where the next byte goes. */
  get offsetBytes(): number {
    return this.#offsetBytes;
  }

  /** @throws StagecoachError RESOURCE_EXHAUSTED when the disk is full. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let start = 0; start < bytes.length; start += pieceBytes) {
      const piece = bytes.subarray(start, start + pieceBytes);
      await this.#attempt(() => this.#file.write(piece));
      this.#hash.update(piece);
      this.#offsetBytes += piece.length;
    }
  }

  /** Fills with zeros up to the next multiple. */
  async align(multipleBytes: number): Promise<void> {
    const rest = this.#offsetBytes % multipleBytes;
    if (rest !== 0) await this.write(new Uint8Array(multipleBytes - rest));
  }

  /** Gives the blob its name; one that is already there is kept. */
  async finish(): Promise<BlobId> {
    const id = { sha256: this.#hash.digest("hex"), sizeBytes: this.#offsetBytes };
    await this.#attempt(async () => {
      await this.#file.sync();
      await this.#file.close();
      const path = join(this.#folder, id.sha256);
      if ((await statIfThere(path))?.size === id.sizeBytes) await rm(this.#partial);
      else await rename(this.#partial, path);
      await syncFolder(this.#folder);
    });
    return id;
  }

  /** Leaves nothing behind. */
  async abandon(): Promise<void> {
    await this.#file.close().catch(() => undefined);
    await rm(this.#partial, { force: true });
  }

  async #attempt(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      await this.abandon();
      throw await explainDiskError(error, {
        disk: this.#disk,
        path: this.#partial,
        neededBytes: Math.max(this.#neededBytes - this.#offsetBytes, 0),
      });
    }
  }
}
