import { rm } from "node:fs/promises";
import { StagecoachError } from "../../common/errors.js";
import { autoVariants, closeEnough } from "../pack/auto-variant.js";
import type { Manifest } from "../store/manifest.js";
import type { ModelStore } from "../store/model-store.js";
import { isUnchanged } from "../store/source-record.js";
import type { PullJob } from "./pull-job.js";

/**
 * The wanted model, where the store has all of it and its source has not changed.
 * @throws StagecoachError DATA_LOSS for a damaged model that is not to be repaired
 */
export async function findStored(job: PullJob): Promise<Manifest | undefined> {
  const name = job.record?.name ?? (job.wanted.kind === "name" ? job.wanted.name : undefined);
  if (name === undefined) return undefined;
  if (job.wanted.kind === "path" && job.record && !(await isUnchanged(job.record.record))) return undefined;
  try {
    const manifest = await lookUp(job, name);
    if (manifest === undefined) return undefined;
    const damaged = job.repair ? await removeDamagedBlobs(job.store, manifest) : [];
    const missing = await job.store.missingBlobs(manifest);
    if (missing.length === 0) return manifest;
    job.onProgress({
      phase: "notice",
      message: `${missing.length} of the blobs of ${name} are ${damaged.length > 0 ? "damaged or " : ""}missing: packing them again`,
    });
    return undefined;
  } catch (error) {
    const failure = StagecoachError.from(error);
    if (!(job.repair && failure.code === "DATA_LOSS")) throw failure;
    job.onProgress({ phase: "notice", message: `${failure.message}; making it anew` });
    return undefined;
  }
}

/** Blobs whose bytes no longer have their hash; they are gone afterwards. */
async function removeDamagedBlobs(store: ModelStore, manifest: Manifest): Promise<readonly string[]> {
  const damaged: string[] = [];
  for (const { sha256 } of [...manifest.blobs, manifest.tokenizer]) {
    if (!(await store.has(sha256)) || (await store.verify(sha256))) continue;
    await rm(store.blobPath(sha256), { force: true });
    damaged.push(sha256);
  }
  return damaged;
}

async function lookUp({ store, variant, record }: PullJob, name: string): Promise<Manifest | undefined> {
  if (variant !== "auto") return store.find(name, variant);
  // Without a record it was put there without its source, e.g. copied from another machine.
  const [fastest, ...others] = record
    ? autoVariants(record.record)
    : (["int8", "as-is", "f32", "f16", "int4"] as const);
  const rounded = await store.find(name, fastest);
  if (rounded !== undefined && closeEnough(rounded)) return rounded;
  // What is there of a known source may not be the fastest that it can be.
  if (rounded === undefined && record !== undefined) return undefined;
  for (const other of others) {
    const manifest = await store.find(name, other);
    if (manifest !== undefined) return manifest;
  }
  return record === undefined ? rounded : undefined;
}
