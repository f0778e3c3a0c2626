import { rm } from "node:fs/promises";
import { StagecoachError } from "../../common/errors.js";
import type { Home } from "../../common/home.js";
import { autoVariants, closeEnough, describeQuality } from "../pack/auto-variant.js";
import { packModelWithin } from "../pack/pack-model.js";
import type { ModelSource } from "../source/model-source.js";
import type { Manifest, Variant } from "../store/manifest.js";
import { isModelName } from "../store/model-name.js";
import { type ModelStore, openStore } from "../store/model-store.js";
import { removeModel } from "../store/remove-model.js";
import {
  fingerprint,
  isUnchanged,
  readSourceRecord,
  type SourceRecord,
  writeSourceRecord,
} from "../store/source-record.js";
import type { LockHolder } from "../store/store-lock.js";
import { type LocatedSource, locateSource } from "./locate-source.js";
import type { ModelProgress } from "./model-progress.js";
import { findRecord, type ModelReference, parseModelReference } from "./model-reference.js";
import { type PullTools, realTools } from "./pull-tools.js";

export interface EnsureModelOptions {
  readonly home: Home;
  /**
   * A name (`smollm2`, `smollm2:f32`), the path of a GGUF file or safetensors folder, or a repository on the
   * Hugging Face hub (`org/name`, `org/name:Q4_K_M`, `org/name:file.gguf`).
   */
  readonly nameOrPath: string;
  /** Defaults to auto. */
  readonly variant?: Variant | "auto" | undefined;
  /** The name in the store. Defaults to one made from the file's or repository's. */
  readonly name?: string | undefined;
  /** Reads all of a stored model, and makes anew what is damaged. Defaults to false. */
  readonly repair?: boolean | undefined;
  readonly onProgress?: ((progress: ModelProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Defaults to the real world. */
  readonly tools?: PullTools | undefined;
}

/**
 * The model that a user means, from the store where it is packed, otherwise fetched and packed.
 *
 * @throws StagecoachError NOT_FOUND, INVALID_ARGUMENT, UNAVAILABLE, ALREADY_EXISTS (its name is taken by
 *   another source), DATA_LOSS, RESOURCE_EXHAUSTED, CANCELLED; each names the way out.
 */
export async function ensureModel(options: EnsureModelOptions): Promise<Manifest> {
  const job = await plan(options);
  const stored = await findStored(job);
  if (stored !== undefined) return stored;
  const { store, tools, options: asked } = job;
  const context = { home: asked.home, tools, onProgress: job.onProgress, signal: job.signal };
  const source = await locateSource(context, store, job.wanted, job.record);
  return pack(job, { ...source, name: asked.name ?? job.record?.name ?? source.name });
}

/** A request, worked out as far as it goes without the network. */
interface Job {
  readonly options: EnsureModelOptions;
  readonly store: ModelStore;
  readonly tools: PullTools;
  readonly wanted: ModelReference;
  readonly variant: Variant | "auto";
  /** Where the store has the wanted model from, when it has it. */
  readonly record: { readonly name: string; readonly record: SourceRecord } | undefined;
  readonly onProgress: (progress: ModelProgress) => void;
  readonly signal: AbortSignal;
}

async function plan(options: EnsureModelOptions): Promise<Job> {
  const { home, nameOrPath, name, tools = realTools, onProgress = () => undefined } = options;
  const store = openStore(home, tools.disk);
  const wanted = await parseModelReference(store, nameOrPath);
  if (name !== undefined) checkName(name, wanted);
  return {
    options,
    store,
    tools,
    wanted,
    variant: chooseVariant(wanted, options.variant),
    record: await findRecord(home, wanted, name),
    onProgress,
    signal: options.signal ?? new AbortController().signal,
  };
}

function checkName(name: string, wanted: ModelReference): void {
  if (wanted.kind === "name") {
    throw new StagecoachError(
      "INVALID_ARGUMENT",
      `${wanted.name} has its name: names are for paths and repositories`,
    );
  }
  if (!isModelName(name)) {
    throw new StagecoachError(
      "INVALID_ARGUMENT",
      `${JSON.stringify(name)} cannot be a model's name: use lower-case letters, digits, ".", "_" and "-"`,
    );
  }
}

function chooseVariant(wanted: ModelReference, asked: Variant | "auto" = "auto"): Variant | "auto" {
  const named = wanted.kind === "name" ? wanted.variant : undefined;
  if (named !== undefined && asked !== "auto" && asked !== named) {
    throw new StagecoachError(
      "INVALID_ARGUMENT",
      `the model's name asks for ${named}, --variant for ${asked}: give one`,
    );
  }
  return named ?? asked;
}

async function findStored(job: Job): Promise<Manifest | undefined> {
  const name = job.record?.name ?? (job.wanted.kind === "name" ? job.wanted.name : undefined);
  if (name === undefined) return undefined;
  if (job.wanted.kind === "path" && job.record && !(await isUnchanged(job.record.record))) return undefined;
  try {
    const manifest = await lookUp(job, name);
    if (manifest === undefined) return undefined;
    const damaged = job.options.repair ? await removeDamagedBlobs(job.store, manifest) : [];
    const missing = await job.store.missingBlobs(manifest);
    if (missing.length === 0) return manifest;
    job.onProgress({
      phase: "notice",
      message: `${missing.length} of the blobs of ${name} are ${damaged.length > 0 ? "damaged or " : ""}missing: packing them again`,
    });
    return undefined;
  } catch (error) {
    const failure = StagecoachError.from(error);
    if (!(job.options.repair && failure.code === "DATA_LOSS")) throw failure;
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

async function lookUp({ store, variant, record }: Job, name: string): Promise<Manifest | undefined> {
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

async function pack(job: Job, located: LocatedSource): Promise<Manifest> {
  await makeRoomForName(job, located);
  const source = await job.tools.openSource(located.path);
  try {
    return await packWanted(job, located, source);
  } finally {
    await source.close();
  }
}

/** Packs what was asked for; of `auto` the fastest variant that comes out close enough. */
async function packWanted(job: Job, located: LocatedSource, source: ModelSource): Promise<Manifest> {
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
  job: Job,
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
  { store, onProgress }: Job,
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
