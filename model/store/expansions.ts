import { createHash } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Home } from "../../common/home.js";
import { writeFileAtomic } from "./atomic-file.js";
import { readdirIfThere } from "./disk.js";
import { type Blob, manifestSchema } from "./manifest.js";

/** Counts up when the same blob is expanded to other bytes. */
const expansionVersion = 1;

/** The name of what a blob becomes when its weights are written as f16: a hash of all that decides it. */
export function expansionKey(blob: Blob): string {
  const facts = JSON.stringify({ expansionVersion, to: "f16", blob });
  return createHash("sha256").update(facts).digest("hex");
}

/** The blob that was made of another one; undefined where none was, or it cannot be known: it is made anew then. */
export async function readExpansion(home: Home, key: string): Promise<Blob | undefined> {
  try {
    return manifestSchema.shape.blobs.element.parse(JSON.parse(await readFile(pathOf(home, key), "utf8")));
  } catch {
    // Absent or damaged: it only saves work.
    return undefined;
  }
}

/** Notes the blob that was made of another one. */
export async function writeExpansion(home: Home, key: string, expanded: Blob): Promise<void> {
  await writeFileAtomic(pathOf(home, key), `${JSON.stringify(expanded)}\n`);
}

/**
 * Forgets what was made of these blobs, or of all.
 * @returns the hashes of the blobs that were made, which may go
 */
export async function forgetExpansions(home: Home, sources?: readonly Blob[]): Promise<string[]> {
  const keys =
    sources?.map(expansionKey) ??
    (await readdirIfThere(folderOf(home))).flatMap((file) => /^([0-9a-f]{64})\.json$/.exec(file)?.[1] ?? []);
  const made: string[] = [];
  for (const key of keys) {
    const expanded = await readExpansion(home, key);
    if (expanded !== undefined) made.push(expanded.sha256);
    await rm(pathOf(home, key), { force: true });
  }
  return made;
}

function pathOf(home: Home, key: string): string {
  return join(folderOf(home), `${key}.json`);
}

function folderOf(home: Home): string {
  return join(home.state, "expanded");
}
