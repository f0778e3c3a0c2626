import { readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { Home } from "../../common/home.js";
import { writeFileAtomic } from "./atomic-file.js";
import { readdirIfThere, statIfThere } from "./disk.js";

const recordSchema = z.object({
  formatVersion: z.literal(1),
  /** What the user asked for, in one spelling: a path, a known model's name or `org/repo:file`. */
  reference: z.string(),
  /** The GGUF file or the folder of safetensors. */
  path: z.string(),
  /** True when stagecoach fetched it, and so may delete it with the model. */
  downloaded: z.boolean(),
  quantized: z.boolean(),
  sizeBytes: z.number(),
  modifiedMs: z.number(),
});

/** Where a model came from, so that other variants can be packed; `models/<name>/source.json`. */
export type SourceRecord = z.infer<typeof recordSchema>;

/** Undefined when there is none, or none that can be read: then the source is looked for anew. */
export async function readSourceRecord(home: Home, name: string): Promise<SourceRecord | undefined> {
  try {
    return recordSchema.parse(JSON.parse(await readFile(recordPath(home, name), "utf8")));
  } catch {
    return undefined;
  }
}

export async function writeSourceRecord(home: Home, name: string, record: SourceRecord): Promise<void> {
  await writeFileAtomic(recordPath(home, name), JSON.stringify(record, undefined, 2));
}

export async function removeSourceRecord(home: Home, name: string): Promise<void> {
  await rm(recordPath(home, name), { force: true });
}

/** The records of all models in this home. */
export async function listSourceRecords(home: Home): Promise<{ name: string; record: SourceRecord }[]> {
  const names = await readdirIfThere(home.models);
  const records = await Promise.all(
    names.map(async (name) => ({ name, record: await readSourceRecord(home, name) })),
  );
  return records.flatMap(({ name, record }) => (record === undefined ? [] : [{ name, record }]));
}

/** Size and newest change of a file, or of the files in a folder; undefined when nothing is there. */
export async function fingerprint(
  path: string,
): Promise<{ sizeBytes: number; modifiedMs: number } | undefined> {
  const own = await statIfThere(path);
  if (own === undefined) return undefined;
  const names = own.isDirectory() ? (await readdir(path)).map((name) => join(path, name)) : [path];
  const files = (await Promise.all(names.map((name) => stat(name)))).filter((file) => file.isFile());
  return {
    sizeBytes: files.reduce((sum, { size }) => sum + size, 0),
    modifiedMs: files.reduce((newest, { mtimeMs }) => Math.max(newest, mtimeMs), 0),
  };
}

/** Whether the source of a record is still where it was, unchanged. */
export async function isUnchanged(record: SourceRecord): Promise<boolean> {
  const now = await fingerprint(record.path);
  return now?.sizeBytes === record.sizeBytes && now.modifiedMs === record.modifiedMs;
}

function recordPath(home: Home, name: string): string {
  return join(home.models, name, "source.json");
}
