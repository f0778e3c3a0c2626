import { mkdir } from "node:fs/promises";
import type { ModelSource } from "../source/model-source.js";
import type { BlobId } from "../store/blob-writer.js";
import { requireFreeSpace } from "../store/disk.js";
import type { Manifest, Variant } from "../store/manifest.js";
import type { ModelStore } from "../store/model-store.js";
import { type JournalEntry, readJournal, removeJournal, writeJournal } from "../store/pack-journal.js";
import type { LockHolder } from "../store/store-lock.js";
import { type BlobRecipe, blobKey, blobRecipes, estimateBytes, tensorsOf } from "./blob-recipes.js";
import type { PlainVariant } from "./encoded-product.js";
import { inputsHash, packBlob } from "./pack-blob.js";
import type { PackOrder } from "./pack-order.js";
import { packRounded } from "./pack-rounded.js";

/** How far packing is. */
export interface PackProgress {
  /** Of the source's bytes. */
  readonly doneBytes: number;
  readonly totalBytes: number;
  readonly doneLayers: number;
  readonly totalLayers: number;
}

export interface PackOptions {
  readonly source: ModelSource;
  readonly store: ModelStore;
  /** The name in the store; see `isModelName`. */
  readonly name: string;
  /** `as-is` of a source that is not quantized stores what f32 would. */
  readonly variant: Variant;
  readonly onProgress?: ((progress: PackProgress) => void) | undefined;
  /** Called once when another process holds the store. */
  readonly onWait?: ((holder: LockHolder | undefined) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Packs a model into the store, one blob at a time, with memory near one product. Blobs that are finished
 * stay when packing is interrupted, and the next run does only the rest.
 *
 * @returns The manifest, already in the store.
 * @throws StagecoachError RESOURCE_EXHAUSTED when the disk is too full; CANCELLED when the signal aborts;
 *   what the source throws when it cannot be read.
 */
export async function packModel(options: PackOptions): Promise<Manifest> {
  const { store, name, variant, onWait, signal } = options;
  return store.exclusive({ purpose: `packing ${name}:${variant}`, onWait, signal }, (lockSignal) =>
    packModelWithin({ ...options, signal: lockSignal }),
  );
}

/** As `packModel`, for a caller that holds the store by `exclusive`, with the signal that it got there. */
export async function packModelWithin(
  options: Omit<PackOptions, "onWait"> & { readonly signal: AbortSignal },
): Promise<Manifest> {
  const { store, name, variant } = options;
  await mkdir(store.home.blobs, { recursive: true });
  await store.cleanPartials();
  const entries = await packBlobs(options, options.signal);
  const tokenizer = await packTokenizer(options);
  const manifest = describe(options, entries, tokenizer);
  await store.write(manifest);
  await removeJournal(store.home, name, variant);
  return manifest;
}

/**
 * A model's manifest without blobs: what is known of it before any weights are packed. Its tokenizer is in the store
 * afterwards, the manifest is not.
 * @throws StagecoachError what `packModel` throws
 */
export async function outlineSource(options: Omit<PackOptions, "variant">): Promise<Manifest> {
  const { source, store, name, onWait, signal } = options;
  const outlined = { ...options, variant: source.quantized ? ("as-is" as const) : ("f32" as const) };
  return store.exclusive({ purpose: `reading ${name}`, onWait, signal }, async () => {
    await mkdir(store.home.blobs, { recursive: true });
    return describe(outlined, [], await packTokenizer(outlined));
  });
}

async function packBlobs(options: PackOptions, signal: AbortSignal): Promise<JournalEntry[]> {
  const { source, store, name } = options;
  const variant = options.variant === "as-is" && !source.quantized ? "f32" : options.variant;
  const recipes = blobRecipes(source.config, variant);
  const estimates = recipes.map((recipe) => estimateBytes(source, recipe, variant));
  const earlier = await finishedBlobs(options);
  await requireFreeSpace(
    store.disk,
    store.home.blobs,
    sum(estimates) - sum(earlier.map(({ blob }) => blob.sizeBytes)),
  );

  const report = progressReporter(options, recipes);
  const journal = new Map(earlier.map((entry) => [blobKey(entry.blob), entry]));
  const order: PackOrder = {
    source,
    store,
    recipes,
    neededBytes: (index) => sum(estimates.slice(index)),
    finished: new Map(journal),
    onFinished: async (recipe, entry, isNew) => {
      if (isNew) {
        journal.set(blobKey(recipe), entry);
        await writeJournal(store.home, name, options.variant, [...journal.values()]);
      }
      report(recipe);
    },
    signal,
  };
  return variant === "int8" ? packRounded(order) : packPlain(order, variant);
}

/** Blob by blob, each from its own tensors. */
async function packPlain(order: PackOrder, variant: PlainVariant): Promise<JournalEntry[]> {
  const { source, store, recipes, neededBytes, finished, onFinished, signal } = order;
  const entries: JournalEntry[] = [];
  for (const [index, recipe] of recipes.entries()) {
    const blobOrder = { source, store, recipe, variant, neededBytes: neededBytes(index), signal };
    const begun = finished.get(blobKey(recipe));
    const reusable = begun !== undefined && begun.inputs === (await inputsHash(blobOrder));
    const entry = reusable ? begun : await packBlob(blobOrder);
    await onFinished(recipe, entry, !reusable);
    entries.push(entry);
  }
  return entries;
}

/** What an interrupted run of the same pack left and is still whole. */
async function finishedBlobs({ store, name, variant }: PackOptions): Promise<JournalEntry[]> {
  const journal = await readJournal(store.home, name, variant);
  const here = await Promise.all(journal.map(({ blob }) => store.has(blob.sha256, blob.sizeBytes)));
  return journal.filter((_, index) => here[index]);
}

async function packTokenizer({ source, store }: PackOptions): Promise<BlobId> {
  const bytes = Buffer.from(JSON.stringify(source.tokenizer));
  const writer = await store.createBlob(bytes.length);
  await writer.write(bytes);
  return writer.finish();
}

function describe(options: PackOptions, entries: readonly JournalEntry[], tokenizer: BlobId): Manifest {
  const { source, name, variant } = options;
  const { config, chatTemplate } = source;
  const { ropeScaling } = config;
  const quality = entries.at(-1)?.quality;
  return {
    formatVersion: 1,
    model: name,
    variant,
    origin: { ...source.origin },
    config: {
      ...config,
      ropeScaling:
        ropeScaling.kind === "factors" ? { ...ropeScaling, factors: [...ropeScaling.factors] } : ropeScaling,
    },
    blobs: entries.map(({ blob }) => blob),
    tokenizer,
    ...(chatTemplate === undefined ? {} : { chatTemplate }),
    generationDefaults: { ...source.generationDefaults },
    ...(quality === undefined ? {} : { quality }),
    packedAt: new Date().toISOString(),
  };
}

function progressReporter({ source, onProgress }: PackOptions, recipes: readonly BlobRecipe[]) {
  const sourceBytes = (recipe: BlobRecipe) =>
    sum(tensorsOf(recipe).map((name) => source.tensor(name)?.sizeBytes ?? 0));
  const progress = {
    doneBytes: 0,
    totalBytes: sum(recipes.map(sourceBytes)),
    doneLayers: 0,
    totalLayers: source.config.layerCount,
  };
  onProgress?.({ ...progress });
  return (recipe: BlobRecipe) => {
    progress.doneBytes += sourceBytes(recipe);
    if (recipe.role === "layer") progress.doneLayers += 1;
    onProgress?.({ ...progress });
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
