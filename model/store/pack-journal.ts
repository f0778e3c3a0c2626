import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { Home } from "../../common/home.js";
import { writeFileAtomic } from "./atomic-file.js";
import { readdirIfThere } from "./disk.js";
import { type Blob, type ModelQuality, manifestSchema, qualitySchema, type Variant } from "./manifest.js";

/**
 * A blob that a pack has finished. It is known by the hash of all that went into it (packer version,
 * variant, names, encodings and bytes of the source's tensors), so a journal can never put another model's
 * weights into a manifest.
 */
export interface JournalEntry {
  readonly inputs: string;
  readonly blob: Blob;
  /** Beside the head of a variant that is measured as it is packed. */
  readonly quality?: ModelQuality | undefined;
}

const journalSchema = z.object({
  formatVersion: z.literal(1),
  blobs: z.array(
    z.object({
      inputs: z.string().regex(/^[0-9a-f]{64}$/),
      blob: manifestSchema.shape.blobs.element,
      quality: qualitySchema.optional(),
    }),
  ),
});

/** The journal of a model's variant; empty when there is none, or none that can be read: it only saves work. */
export async function readJournal(home: Home, name: string, variant: Variant): Promise<JournalEntry[]> {
  return readJournalFile(journalPath(home, name, variant));
}

/** Replaces the journal. */
export async function writeJournal(
  home: Home,
  name: string,
  variant: Variant,
  blobs: readonly JournalEntry[],
): Promise<void> {
  await writeFileAtomic(journalPath(home, name, variant), JSON.stringify({ formatVersion: 1, blobs }));
}

/** Forgets an interrupted pack. */
export async function removeJournal(home: Home, name: string, variant: Variant): Promise<void> {
  await rm(journalPath(home, name, variant), { force: true });
}

/** Every interrupted pack of this home. */
export async function listJournals(
  home: Home,
): Promise<{ name: string; variant: string; blobs: JournalEntry[] }[]> {
  const files = await readdirIfThere(journalFolder(home));
  const found = files.flatMap((file) => {
    const [, name, variant] = /^(.+)\.([^.]+)\.json$/.exec(file) ?? [];
    return name !== undefined && variant !== undefined ? [{ file, name, variant }] : [];
  });
  return Promise.all(
    found.map(async ({ file, name, variant }) => ({
      name,
      variant,
      blobs: await readJournalFile(join(journalFolder(home), file)),
    })),
  );
}

async function readJournalFile(path: string): Promise<JournalEntry[]> {
  try {
    return journalSchema.parse(JSON.parse(await readFile(path, "utf8"))).blobs;
  } catch {
    return [];
  }
}

function journalFolder(home: Home): string {
  return join(home.state, "packing");
}

function journalPath(home: Home, name: string, variant: Variant): string {
  return join(journalFolder(home), `${name}.${variant}.json`);
}
