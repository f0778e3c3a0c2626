import type { Home } from "../../common/home.js";
import type { Variant } from "../store/manifest.js";
import type { ModelStore } from "../store/model-store.js";
import type { SourceRecord } from "../store/source-record.js";
import type { ModelProgress } from "./model-progress.js";
import type { ModelReference } from "./model-reference.js";
import type { PullTools } from "./pull-tools.js";

/** A request, worked out as far as it goes without the network. */
export interface PullJob {
  readonly home: Home;
  readonly store: ModelStore;
  readonly tools: PullTools;
  readonly wanted: ModelReference;
  readonly variant: Variant | "auto";
  /** Where the store has the wanted model from, when it has it. */
  readonly record: { readonly name: string; readonly record: SourceRecord } | undefined;
  /** Reads all of a stored model, and makes anew what is damaged. */
  readonly repair: boolean;
  readonly onProgress: (progress: ModelProgress) => void;
  readonly signal: AbortSignal;
}
