import { rm } from "node:fs/promises";
import { dirname, join, sep } from "node:path";
import { StagecoachError } from "../../common/errors.js";
import { readdirIfThere, removeFolderIfEmpty, statIfThere } from "./disk.js";
import { expansionKey, forgetExpansions } from "./expansions.js";
import { isPartialBlob, withBlobLock } from "./fetch-blob.js";
import type { Blob } from "./manifest.js";
import { isVariant, parseModelName } from "./model-name.js";
import type { ModelStore } from "./model-store.js";
import { listJournals, removeJournal } from "./pack-journal.js";
import { listSourceRecords, readSourceRecord, removeSourceRecord } from "./source-record.js";

/** What was taken away. */
export interface Removal {
  /** What went: `smollm2-135m-instruct:f32`. */
  readonly removed: readonly string[];
  readonly blobCount: number;
  readonly freedBytes: number;
  /** A downloaded source that went with the model's last variant. */
  readonly source?: string;
}

/**
 * Removes `NAME` with all its variants and its downloaded source, or only `NAME:VARIANT`, and the blobs that
 * no other model needs. Interrupted packs of it go too. Sources that the user brought stay.
 *
 * @throws StagecoachError NOT_FOUND when nothing of that name is here; FAILED_PRECONDITION while another
 *   process packs; INVALID_ARGUMENT for what is no name.
 */
export async function removeModel(store: ModelStore, reference: string): Promise<Removal> {
  const { name, variant } = parseModelName(reference);
  return store.exclusive({ purpose: `removing ${name}`, wait: false }, async () => {
    const known = await knownVariants(store, name);
    const gone = known.filter((candidate) => variant === undefined || candidate === variant);
    const wholeModel = gone.length === known.length;
    const hasRecord = (await readSourceRecord(store.home, name)) !== undefined;
    if (gone.length === 0 && !(variant === undefined && hasRecord)) throw notFound(store, reference, known);

    const candidates = await neededBlobs(store, name);
    const before = await sourcesOfExpansions(store);
    for (const each of gone) {
      await store.removeManifest(name, each);
      await removeJournal(store.home, name, each);
    }
    const source = wholeModel ? await removeSource(store, name) : undefined;
    const after = new Set((await sourcesOfExpansions(store)).map(expansionKey));
    const sources = before.filter((blob) => !after.has(expansionKey(blob)));
    const expanded = await forgetExpansions(store.home, sources);
    const freed = await dropBlobs(store, new Set([...candidates, ...expanded]));
    return {
      removed: gone.map((each) => `${name}:${each}`),
      blobCount: freed.count,
      freedBytes: freed.bytes + (source?.sizeBytes ?? 0),
      ...(source === undefined ? {} : { source: source.path }),
    };
  });
}

/**
 * Removes blobs that no model of this home names, as a worker keeps them that fetched its layers from a
 * coordinator, graphs of stages and weights that were expanded for GPUs, which are written anew when a stage is
 * loaded, and interrupted transfers.
 *
 * @throws StagecoachError FAILED_PRECONDITION while another process packs.
 */
export async function removeUnused(store: ModelStore): Promise<Removal> {
  return store.exclusive({ purpose: "removing what is not used", wait: false }, async () => {
    await store.cleanPartials();
    const names = await readdirIfThere(store.home.blobs);
    for (const name of names.filter(isPartialBlob)) {
      const path = join(store.home.blobs, name);
      await withBlobLock(store, name.slice(0, 64), { wait: false }, () => rm(path, { force: true })).catch(
        (error: unknown) => {
          // Somebody is fetching it just now.
          if (!(error instanceof StagecoachError && error.code === "FAILED_PRECONDITION")) throw error;
        },
      );
    }
    for (const name of names.filter((file) => /^[0-9a-f]{64}\.onnx$/.test(file))) {
      await rm(join(store.home.blobs, name), { force: true });
    }
    await forgetExpansions(store.home);
    const { count, bytes } = await dropBlobs(
      store,
      names.filter((name) => /^[0-9a-f]{64}$/.test(name)),
    );
    return { removed: [], blobCount: count, freedBytes: bytes };
  });
}

async function knownVariants(store: ModelStore, name: string) {
  const begun = (await listJournals(store.home))
    .filter((journal) => journal.name === name)
    .flatMap(({ variant }) => (isVariant(variant) ? [variant] : []));
  return [...new Set([...(await store.variantsOf(name)), ...begun])];
}

/** Blobs that manifests and interrupted packs name, of one model or of all. */
async function neededBlobs(store: ModelStore, model?: string): Promise<Set<string>> {
  const { models } = await store.list();
  const journals = await listJournals(store.home);
  return new Set([
    ...models
      .filter(({ manifest }) => model === undefined || manifest.model === model)
      .flatMap(({ manifest }) => [...manifest.blobs, manifest.tokenizer].map(({ sha256 }) => sha256)),
    ...journals
      .filter(({ name }) => model === undefined || name === model)
      .flatMap(({ blobs }) => blobs.map(({ blob }) => blob.sha256)),
  ]);
}

/** Blobs that a GPU stage may have been given in another form. */
async function sourcesOfExpansions(store: ModelStore): Promise<Blob[]> {
  const { models } = await store.list();
  return models.flatMap(({ manifest }) => manifest.blobs);
}

async function dropBlobs(
  store: ModelStore,
  candidates: Iterable<string>,
): Promise<{ count: number; bytes: number }> {
  const needed = await neededBlobs(store);
  let count = 0;
  let bytes = 0;
  for (const sha256 of candidates) {
    const path = store.blobPath(sha256);
    const size = (await statIfThere(path))?.size;
    if (needed.has(sha256) || size === undefined) continue;
    await rm(path);
    count += 1;
    bytes += size;
  }
  return { count, bytes };
}

/** Forgets where the model came from; deletes it when stagecoach fetched it and no other model came from it. */
async function removeSource(
  store: ModelStore,
  name: string,
): Promise<{ path: string; sizeBytes: number } | undefined> {
  const record = await readSourceRecord(store.home, name);
  await removeSourceRecord(store.home, name);
  await removeFolderIfEmpty(join(store.home.models, name));
  if (record === undefined || !record.downloaded) return undefined;
  const others = await listSourceRecords(store.home);
  const shared = others.some(({ record: other }) => other.path === record.path);
  if (shared || !record.path.startsWith(store.home.sources + sep)) return undefined;
  const found = await statIfThere(record.path);
  if (found === undefined) return undefined;
  await rm(record.path, { recursive: true });
  for (let folder = dirname(record.path); folder !== store.home.sources; folder = dirname(folder)) {
    await removeFolderIfEmpty(folder);
  }
  return { path: record.path, sizeBytes: record.sizeBytes };
}

function notFound(store: ModelStore, reference: string, known: readonly string[]): StagecoachError {
  const there = known.length === 0 ? "" : `; of this model it has ${known.join(", ")}`;
  return new StagecoachError(
    "NOT_FOUND",
    `the store at ${store.home.root} has no ${reference}${there}: \`stagecoach list\` shows what it has`,
  );
}
