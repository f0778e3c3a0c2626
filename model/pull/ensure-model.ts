import { StagecoachError } from "../../common/errors.js";
import type { Home } from "../../common/home.js";
import { outlineSource } from "../pack/pack-model.js";
import { type Manifest, type Variant, variants } from "../store/manifest.js";
import { isModelName } from "../store/model-name.js";
import { openStore } from "../store/model-store.js";
import { findStored } from "./find-stored.js";
import { locateSource } from "./locate-source.js";
import type { ModelProgress } from "./model-progress.js";
import { findRecord, type ModelReference, parseModelReference } from "./model-reference.js";
import { packLocated } from "./pack-located.js";
import type { PullJob } from "./pull-job.js";
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
  const source = await locateSource(job, job.store, job.wanted, job.record);
  return packLocated(job, { ...source, name: options.name ?? job.record?.name ?? source.name });
}

/**
 * What is known of a model before a variant of it is chosen: any that is packed, otherwise its source without blobs,
 * fetched where it is not here. Its tokenizer is in the store.
 * @throws StagecoachError what `ensureModel` throws
 */
export async function outlineModel(options: EnsureModelOptions): Promise<Manifest> {
  const job = await plan(options);
  for (const variant of variants) {
    const stored = await findStored({ ...job, variant });
    if (stored !== undefined) return stored;
  }
  const located = await locateSource(job, job.store, job.wanted, job.record);
  const source = await job.tools.openSource(located.path);
  try {
    const name = options.name ?? job.record?.name ?? located.name;
    return await outlineSource({ source, store: job.store, name, signal: job.signal });
  } finally {
    await source.close();
  }
}

/** Whether a model's name says the variant, as in `smollm2:f32`. */
export async function namesVariant({
  home,
  nameOrPath,
  tools = realTools,
}: EnsureModelOptions): Promise<boolean> {
  const wanted = await parseModelReference(openStore(home, tools.disk), nameOrPath);
  return wanted.kind === "name" && wanted.variant !== undefined;
}

/** Works a request out as far as it goes without the network. */
async function plan(options: EnsureModelOptions): Promise<PullJob> {
  const { home, nameOrPath, name, tools = realTools, onProgress = () => undefined } = options;
  const store = openStore(home, tools.disk);
  const wanted = await parseModelReference(store, nameOrPath);
  if (name !== undefined) checkName(name, wanted);
  return {
    home,
    store,
    tools,
    wanted,
    variant: chooseVariant(wanted, options.variant),
    record: await findRecord(home, wanted, name),
    repair: options.repair ?? false,
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
