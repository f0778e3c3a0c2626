import { StagecoachError } from "../../common/errors.js";
import { autoVariants, closeEnough, describeQuality } from "../pack/auto-variant.js";
import { packModelWithin } from "../pack/pack-model.js";
import type { ModelSource } from "../source/model-source.js";
import type { Manifest, Variant } from "../store/manifest.js";
import { removeModel } from "../store/remove-model.js";
import { fingerprint, isUnchanged, readSourceRecord, writeSourceRecord } from "../store/source-record.js";
import type { LockHolder } from "../store/store-lock.js";
import type { LocatedSource } from "./locate-source.js";
import type { PullJob } from "./pull-job.js";

/**
 * Packs a source that is on this machine, and keeps where it is from.
 * @throws StagecoachError ALREADY_EXISTS when its name is taken by another source, and what packing throws
 */
export async function packLocated(job: PullJob, located: LocatedSource): Promise<Manifest> {
  await makeRoomForName(job, located);
  const source = await job.tools.openSource(located.path);
  try {
    return await packWanted(job, located, source);
  } finally {
    await source.close();
  }
}

/** Packs what was asked for; of `auto` the fastest variant that comes out close enough. */
async function packWanted(job: PullJob, located: LocatedSource, source: ModelSource): Promise<Manifest> {
  if (job.variant !== "auto") return packInTurn(job, located, source, job.variant);
  const [fastest, exact] = autoVariants(source);
  const reason = await packInTurn(job, located, source, fastest).then(
    (manifest) => (closeEnough(manifest) ? manifest : "is not close enough to the exact model"),
    (error: unknown) => {
      const failure = StagecoachError.from(error);
      if (failure.code !== "FAILED_PRECONDITION") throw failure;
      return `cannot be made: ${failure.message}`;
    },
  );
  if (typeof reason !== "string") return reason;
  job.onProgress({ phase: "notice", message: `${located.name}:${fastest} ${reason}: taking ${exact}` });
  const stored = await job.store.find(located.name, exact);
  const whole = stored !== undefined && (await job.store.missingBlobs(stored)).length === 0;
  return whole ? stored : packInTurn(job, located, source, exact);
}

async function packInTurn(
  job: PullJob,
  located: LocatedSource,
  source: ModelSource,
  variant: Variant,
): Promise<Manifest> {
  const { store, onProgress } = job;
  const { name, path, reference, downloaded } = located;
  let waited = false;
  const onWait = (holder: LockHolder | undefined) => {
    waited = true;
    const who = holder ? `process ${holder.pid} (${holder.purpose})` : "another process";
    onProgress({ phase: "notice", message: `waiting for ${who} to finish with the store` });
  };
  const turn = { purpose: `packing ${name}:${variant}`, onWait, signal: job.signal };
  return store.exclusive(turn, async (signal) => {
    const meanwhile = waited ? await store.find(name, variant) : undefined;
    if (meanwhile !== undefined && (await readSourceRecord(store.home, name))?.reference === reference) {
      return meanwhile;
    }
    const manifest = await packModelWithin({
      source,
      store,
      name,
      variant,
      onProgress: (progress) => onProgress({ phase: "pack", ...progress }),
      signal,
    });
    const now = (await fingerprint(path)) ?? { sizeBytes: 0, modifiedMs: 0 };
    const { quantized } = source;
    const record = { formatVersion: 1, reference, path, downloaded, quantized, ...now } as const;
    await writeSourceRecord(store.home, name, record);
    const quality = describeQuality(manifest);
    if (quality !== undefined) onProgress({ phase: "notice", message: quality });
    return manifest;
  });
}

/** A name stands for one source: variants of an older state of it go, and no other source takes its place. */
async function makeRoomForName(
  { store, onProgress }: PullJob,
  { name, reference }: LocatedSource,
): Promise<void> {
  const taken = await readSourceRecord(store.home, name);
  if (taken === undefined) return;
  if (taken.reference !== reference) {
    throw new StagecoachError(
      "ALREADY_EXISTS",
      `the store has a model ${name} already, from ${taken.reference}: use it by its name, give this one another ` +
        `with \`stagecoach pull ${reference} --name OTHER\`, or remove it with \`stagecoach rm ${name}\``,
    );
  }
  if (taken.downloaded || (await isUnchanged(taken))) return;
  onProgress({ phase: "notice", message: `${taken.path} has changed since it was packed: packing it anew` });
  await removeModel(store, name);
}
