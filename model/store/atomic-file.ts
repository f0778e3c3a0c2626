import { randomUUID } from "node:crypto";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { type Disk, explainDiskError, realDisk, syncFolder } from "./disk.js";

/** A name beside `path` that nobody else uses; `.partial` marks it as garbage after a crash. */
function partialName(path: string): string {
  return `${path}.${process.pid}-${randomUUID()}.partial`;
}

/**
 * Writes a small file so that readers, and whoever looks after a power cut, see the old contents or the
 * new ones, never a part. Makes missing folders.
 *
 * @throws StagecoachError RESOURCE_EXHAUSTED when the disk is full; nothing is left behind then.
 */
export async function writeFileAtomic(path: string, text: string, disk: Disk = realDisk): Promise<void> {
  const bytes = Buffer.from(text);
  const partial = partialName(path);
  await mkdir(dirname(path), { recursive: true });
  try {
    const file = await disk.open(partial, "create");
    try {
      await file.write(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw await explainDiskError(error, { disk, path, neededBytes: bytes.length });
  }
  await syncFolder(dirname(path));
}
