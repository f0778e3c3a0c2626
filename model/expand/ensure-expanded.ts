import { rm } from "node:fs/promises";
import { join } from "node:path";
import { expansionKey, readExpansion, writeExpansion } from "../store/expansions.js";
import { withBlobLock } from "../store/fetch-blob.js";
import type { Blob } from "../store/manifest.js";
import type { ModelStore } from "../store/model-store.js";
import { expandBlob } from "./expand-blob.js";

/** How an expansion is watched. */
export interface ExpansionWatch {
  readonly signal?: AbortSignal | undefined;
  readonly onBytes?: ((doneBytes: number) => void) | undefined;
}

/**
 * The blob that another one of the store becomes with its products as f16, from an earlier time where it is there
 * still. Of several processes of one home that want the same, one makes it and the others wait.
 * @throws StagecoachError as `expandBlob` does
 */
export async function ensureExpanded(
  store: ModelStore,
  blob: Blob,
  { signal, onBytes }: ExpansionWatch = {},
): Promise<Blob> {
  const key = expansionKey(blob);
  const known = await knownExpansion(store, key);
  if (known !== undefined) return known;
  return withBlobLock(store, key, { signal }, async (lockSignal) => {
    const made = await knownExpansion(store, key);
    if (made !== undefined) return made;
    const partialName = `${key}.partial`;
    // Of somebody who was killed, since the lock is ours.
    await rm(join(store.home.blobs, partialName), { force: true });
    const expanded = await expandBlob({ store, blob, partialName, signal: lockSignal, onBytes });
    await writeExpansion(store.home, key, expanded);
    return expanded;
  });
}

async function knownExpansion(store: ModelStore, key: string): Promise<Blob | undefined> {
  const known = await readExpansion(store.home, key);
  return known !== undefined && (await store.has(known.sha256, known.sizeBytes)) ? known : undefined;
}
