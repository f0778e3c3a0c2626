import type { Stats } from "node:fs";
import { open, readdir, rmdir, stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { StagecoachError } from "../../common/errors.js";
import { formatBytes } from "./format-bytes.js";

/** The few calls that a full disk can fail; a seam, so that tests can fill it. */
export interface Disk {
  /** Bytes that this user may still write below an existing folder. */
  freeBytes(folder: string): Promise<number>;
  /** Opens for writing: `create` fails when the file exists, `append` continues it or begins it. */
  open(path: string, mode: "create" | "append"): Promise<DiskFile>;
}

/** A file being written from its present end on. */
export interface DiskFile {
  write(bytes: Uint8Array): Promise<void>;
  /** Returns when the bytes are on the disk, not only on their way. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** The machine's own disk. */
export const realDisk: Disk = {
  async freeBytes(folder) {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  },
  async open(path, mode) {
    const handle = await open(path, mode === "create" ? "wx" : "a");
    return {
      async write(bytes) {
        let written = 0;
        while (written < bytes.length) {
          written += (await handle.write(bytes, written, bytes.length - written)).bytesWritten;
        }
      },
      sync: () => handle.sync(),
      close: () => handle.close(),
    };
  },
};

/** What `stat` says, or undefined when nothing is there. */
export async function statIfThere(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR")) return undefined;
    throw error;
  }
}

/** Names in a folder, or none when it is not there. */
export async function readdirIfThere(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR")) return [];
    throw error;
  }
}

/** Removes a folder unless something is in it. */
export async function removeFolderIfEmpty(folder: string): Promise<void> {
  try {
    await rmdir(folder);
  } catch (error) {
    if (!["ENOTEMPTY", "EEXIST", "ENOENT"].some((errno) => isErrno(error, errno))) throw error;
  }
}

/** Whether the system gave this reason for failing. */
export function isErrno(error: unknown, errno: string): boolean {
  return error instanceof Error && "code" in error && error.code === errno;
}

/** Makes a rename or a new file in `folder` survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Refuses work that cannot fit before any of it is done.
 *
 * @throws StagecoachError RESOURCE_EXHAUSTED naming the folder, the needed and the free bytes.
 */
export async function requireFreeSpace(disk: Disk, folder: string, neededBytes: number): Promise<void> {
  const freeBytes = await disk.freeBytes(folder);
  if (freeBytes < neededBytes) throw fullDisk(folder, neededBytes, freeBytes);
}

/**
 * Says in words that a stranger can act on what the system said with ENOSPC or EDQUOT; any other error
 * comes back as it is.
 */
export async function explainDiskError(
  error: unknown,
  context: { disk: Disk; path: string; neededBytes: number },
): Promise<unknown> {
  if (!isErrno(error, "ENOSPC") && !isErrno(error, "EDQUOT")) return error;
  const freeBytes = await context.disk.freeBytes(dirname(context.path)).catch(() => 0);
  return fullDisk(context.path, context.neededBytes, freeBytes, error);
}

function fullDisk(path: string, neededBytes: number, freeBytes: number, cause?: unknown): StagecoachError {
  return new StagecoachError(
    "RESOURCE_EXHAUSTED",
    `the disk that holds ${path} is too full: ${formatBytes(neededBytes)} (${neededBytes} bytes) are needed, ` +
      `${formatBytes(freeBytes)} (${freeBytes} bytes) are free; make room there, remove models with ` +
      "`stagecoach rm`, or put STAGECOACH_HOME on another disk",
    { cause, details: { path, neededBytes, freeBytes } },
  );
}
