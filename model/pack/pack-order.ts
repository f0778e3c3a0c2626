import type { ModelSource } from "../source/model-source.js";
import type { ModelStore } from "../store/model-store.js";
import type { JournalEntry } from "../store/pack-journal.js";
import type { BlobRecipe } from "./blob-recipes.js";

/** The blobs of a variant that are to be packed. */
export interface PackOrder {
  readonly source: ModelSource;
  readonly store: ModelStore;
  /** In order; see `blobRecipes`. */
  readonly recipes: readonly BlobRecipe[];
  /** About what the blobs from each recipe on need, for a full disk's error. */
  readonly neededBytes: (index: number) => number;
  /** What an earlier run finished, by `blobKey`. */
  readonly finished: ReadonlyMap<string, JournalEntry>;
  /** Called for each recipe in order, with `false` where the blob is of an earlier run. */
  readonly onFinished: (recipe: BlobRecipe, entry: JournalEntry, isNew: boolean) => Promise<void>;
  readonly signal: AbortSignal;
}
