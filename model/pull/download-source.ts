import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Home } from "../../common/home.js";
import { statIfThere, syncFolder } from "../store/disk.js";
import { downloadToFile } from "../store/download-to-file.js";
import { withLock } from "../store/store-lock.js";
import { type HubFile, locateHubFile, openHubFile, type Repository } from "./hub-access.js";
import type { ModelProgress } from "./model-progress.js";
import type { PullTools } from "./pull-tools.js";

/** What all ways of fetching a source share. */
export interface FetchContext {
  readonly home: Home;
  readonly tools: PullTools;
  readonly onProgress: (progress: ModelProgress) => void;
  readonly signal: AbortSignal;
}

/** A file that is or will be among the sources. */
export interface SourceFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256?: string | undefined;
}

/** Fetches one file of the hub to `target`, unless it is there already with the right bytes. */
export async function downloadFromHub(
  context: FetchContext,
  at: Repository,
  file: HubFile,
  target: string,
): Promise<void> {
  const { tools, onProgress } = context;
  const partialPath = `${target}.partial`;
  await keepOrFetch(context, { ...file, path: target }, async (signal) => {
    // Asked once before anything is tried again, so that a hub out of reach is known at once.
    const url = await locateHubFile(tools, at, file.path, signal);
    // Without a hash nobody would notice that the file changed since its first half was fetched.
    if (file.sha256 === undefined) await rm(partialPath, { force: true });
    await downloadToFile({
      what: `${file.path} of ${at.repository}`,
      partialPath,
      sizeBytes: file.sizeBytes,
      sha256: file.sha256,
      open: (offsetBytes, attempt) => openHubFile(tools, url, offsetBytes, attempt),
      onBytes: (doneBytes) =>
        onProgress({ phase: "download", file: file.path, doneBytes, totalBytes: file.sizeBytes }),
      signal,
      disk: tools.disk,
      wait: tools.wait,
    });
    return partialPath;
  });
}

/**
 * Keeps a source that is there and has the right size and hash; otherwise `fetch` makes it somewhere in the
 * same folder, and it gets its name. One process at a time.
 */
export async function keepOrFetch(
  { home, onProgress, signal }: FetchContext,
  file: SourceFile,
  fetch: (signal: AbortSignal) => Promise<string>,
): Promise<void> {
  const key = createHash("sha256").update(file.path).digest("hex").slice(0, 32);
  const options = {
    path: join(home.state, "locks", `source-${key}.lock`),
    purpose: `downloading ${file.path}`,
    signal,
    onWait: () =>
      onProgress({ phase: "notice", message: `waiting for another process to download ${file.path}` }),
  };
  await withLock(options, async (lockSignal) => {
    if (await isWhole(file)) return;
    await mkdir(dirname(file.path), { recursive: true });
    await rename(await fetch(lockSignal), file.path);
    await syncFolder(dirname(file.path));
  });
}

async function isWhole({ path, sizeBytes, sha256 }: SourceFile): Promise<boolean> {
  if ((await statIfThere(path))?.size !== sizeBytes) return false;
  return sha256 === undefined || (await hashFile(path)) === sha256;
}

/** sha256 of a file, lower-case hex. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
