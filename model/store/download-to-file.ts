import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { StagecoachError } from "../../common/errors.js";
import { type Disk, type DiskFile, explainDiskError, requireFreeSpace, statIfThere } from "./disk.js";

/** Bytes on their way into a file. */
export interface Download {
  /** Names the thing in errors: `blob 3f…`, `model.gguf of org/repo`. */
  readonly what: string;
  /** Where the bytes gather; kept when the transfer is interrupted, and continued by the next one. */
  readonly partialPath: string;
  readonly sizeBytes: number;
  /** Lower-case hex; absent when the sender has told none. */
  readonly sha256?: string | undefined;
  /** Bytes from an offset on. Errors with code UNAVAILABLE are tried again. */
  open(offsetBytes: number, signal: AbortSignal): AsyncIterable<Uint8Array>;
  readonly signal?: AbortSignal | undefined;
  /** Called with the bytes that are here. */
  readonly onBytes?: ((doneBytes: number) => void) | undefined;
  readonly disk: Disk;
  /** How long the sender may stay silent. Defaults to 30,000. */
  readonly stallMs?: number | undefined;
  /** Waits before another attempt; a seam for tests. */
  readonly wait?: ((milliseconds: number, signal: AbortSignal) => Promise<void>) | undefined;
}

// Attempts without much progress in between; each wait is twice the one before.
const maxAttempts = 6;
const progressBytes = 2 ** 20;
const firstWaitMs = 250;

/**
 * Completes the file at `partialPath` and checks its size and hash; the caller gives it its name. A stream
 * that breaks off is continued where it stopped, a bounded number of times. When bytes that an earlier
 * transfer left make the hash wrong, all is fetched once more from the beginning.
 *
 * @returns The sha256 of the file, lower-case hex.
 * @throws StagecoachError DATA_LOSS when the hash is wrong or the stream longer or shorter than declared
 *   (the partial file is deleted); UNAVAILABLE when attempts are used up; RESOURCE_EXHAUSTED when the disk
 *   is full (deleted too); CANCELLED when the signal aborts.
 */
export async function downloadToFile(download: Download): Promise<string> {
  await mkdir(dirname(download.partialPath), { recursive: true });
  for (;;) {
    const transfer = await resume(download);
    const resumedBytes = transfer.doneBytes;
    await receiveAll(download, transfer);
    const sha256 = transfer.hash.digest("hex");
    if (download.sha256 === undefined || sha256 === download.sha256) return sha256;
    await rm(download.partialPath, { force: true });
    if (resumedBytes === 0) throw wrongHash(download, sha256);
  }
}

/** What is here of a file. */
interface Transfer {
  readonly hash: Hash;
  doneBytes: number;
}

async function resume({ partialPath, sizeBytes, disk, onBytes }: Download): Promise<Transfer> {
  const transfer = { hash: createHash("sha256"), doneBytes: 0 };
  const left = (await statIfThere(partialPath))?.size ?? 0;
  if (left > sizeBytes) await rm(partialPath);
  else if (left > 0) {
    for await (const chunk of createReadStream(partialPath, { highWaterMark: 2 ** 20 })) {
      transfer.hash.update(chunk as Buffer);
      transfer.doneBytes += (chunk as Buffer).length;
    }
  }
  await requireFreeSpace(disk, dirname(partialPath), sizeBytes - transfer.doneBytes);
  onBytes?.(transfer.doneBytes);
  return transfer;
}

async function receiveAll(download: Download, transfer: Transfer): Promise<void> {
  const { disk, partialPath, sizeBytes, signal = new AbortController().signal } = download;
  const wait = download.wait ?? sleepUnlessAborted;
  const file = await disk.open(partialPath, "append");
  try {
    for (let attempt = 1; transfer.doneBytes < sizeBytes; attempt += 1) {
      const startBytes = transfer.doneBytes;
      const failure = await receiveOnce(download, transfer, file, signal);
      if (transfer.doneBytes === sizeBytes) break;
      if (transfer.doneBytes - startBytes >= progressBytes) attempt = 1;
      if (attempt >= maxAttempts) throw failure ?? endedEarly(download, transfer);
      await wait(firstWaitMs * 2 ** (attempt - 1), signal);
    }
    await file.sync();
  } catch (error) {
    const failure = StagecoachError.from(
      await explainDiskError(error, { disk, path: partialPath, neededBytes: sizeBytes - transfer.doneBytes }),
    );
    if (failure.code === "DATA_LOSS" || failure.code === "RESOURCE_EXHAUSTED") {
      await rm(partialPath, { force: true });
    }
    throw failure;
  } finally {
    await file.close();
  }
}

/** One stream from where the file ends. Returns why it broke off, when that may pass. */
async function receiveOnce(
  download: Download,
  transfer: Transfer,
  file: DiskFile,
  signal: AbortSignal,
): Promise<StagecoachError | undefined> {
  const attempt = new AbortController();
  const stop = () => attempt.abort(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  try {
    if (signal.aborted) throw StagecoachError.from(signal.reason, "CANCELLED");
    for await (const chunk of withoutStalls(download, transfer.doneBytes, attempt)) {
      if (transfer.doneBytes + chunk.length > download.sizeBytes) throw tooLong(download);
      await file.write(chunk);
      transfer.hash.update(chunk);
      transfer.doneBytes += chunk.length;
      download.onBytes?.(transfer.doneBytes);
    }
    return undefined;
  } catch (error) {
    if (signal.aborted) throw StagecoachError.from(signal.reason, "CANCELLED");
    if (error instanceof StagecoachError && error.code === "UNAVAILABLE") return error;
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
    attempt.abort();
  }
}

/** The sender's chunks; fails when none comes for `stallMs`, or when the attempt is aborted meanwhile. */
async function* withoutStalls(
  { what, stallMs = 30_000, open }: Download,
  offsetBytes: number,
  attempt: AbortController,
): AsyncGenerator<Uint8Array> {
  const chunks = open(offsetBytes, attempt.signal)[Symbol.asyncIterator]();
  const aborted = new Promise<never>((_, reject) => {
    attempt.signal.addEventListener("abort", () => reject(attempt.signal.reason), { once: true });
  });
  aborted.catch(() => undefined);
  try {
    for (;;) {
      const timer = setTimeout(() => attempt.abort(stalled(what, stallMs)), stallMs);
      const next = await Promise.race([chunks.next(), aborted]).finally(() => clearTimeout(timer));
      if (next.done) return;
      yield next.value;
    }
  } finally {
    // Not awaited: a sender that hangs would hang this too. It ends by its signal.
    chunks.return?.().catch(() => undefined);
  }
}

async function sleepUnlessAborted(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { signal });
}

function stalled(what: string, stallMs: number): StagecoachError {
  return new StagecoachError("UNAVAILABLE", `${what}: no byte came for ${stallMs / 1000} s`);
}

function tooLong({ what, sizeBytes }: Download): StagecoachError {
  return new StagecoachError(
    "DATA_LOSS",
    `${what}: more bytes came than the ${sizeBytes} that were declared; its sender is damaged or not what it says`,
  );
}

function endedEarly({ what, sizeBytes }: Download, { doneBytes }: Transfer): StagecoachError {
  return new StagecoachError(
    "DATA_LOSS",
    `${what}: the stream ended after ${doneBytes} of ${sizeBytes} bytes, again and again; its sender's copy is cut short`,
  );
}

function wrongHash({ what, sha256 }: Download, actual: string): StagecoachError {
  return new StagecoachError(
    "DATA_LOSS",
    `${what}: its bytes have the sha256 ${actual} instead of ${sha256}; they were deleted. Try again; when it ` +
      "happens again, the sender's copy is damaged and must be pulled anew there",
    { details: { actualSha256: actual } },
  );
}
