import { rm } from "node:fs/promises";
import { StagecoachError } from "../../common/errors.js";
import type { Home } from "../../common/home.js";
import { packModelWithin } from "../pack/pack-model.js";
import { resolveVariant } from "../pack/resolve-variant.js";
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
  if (record !== undefined) return store.find(name, resolveVariant(variant, record.record));
  // Put there without its source, e.g. copied from another machine.
  const packed = await store.variantsOf(name);
  const choice = variant === "auto" ? (["as-is", "f32", "int8", "int4"] as const) : [variant];
  const first = choice.find((candidate) => packed.includes(candidate));
  return first && store.find(name, first);
}

async function pack(job: Job, located: LocatedSource): Promise<Manifest> {
  await makeRoomForName(job, located);
  const source = await job.tools.openSource(located.path);
  try {
    return await packInTurn(job, located, source);
  } finally {
    await source.close();
  }
}

async function packInTurn(job: Job, located: LocatedSource, source: ModelSource): Promise<Manifest> {
  const { store, onProgress } = job;
  const { name, path, reference, downloaded } = located;
  const variant = resolveVariant(job.variant, source);
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
