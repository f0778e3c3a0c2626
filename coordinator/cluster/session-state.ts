import type { StagecoachError } from "../../common/errors.js";
import type { Plan } from "../planner/types.js";

/** Where the cluster is on its way to serving. */
export type SessionState =
  /** Fewer workers than are needed. */
  | { kind: "waiting"; present: number; needed: number }
  /** Workers time a layer, links are timed. */
  | { kind: "measuring"; workers: number }
  /** Stages fetch and open their layers. */
  | { kind: "loading"; doneBytes: number; totalBytes: number; plan: Plan }
  | { kind: "serving"; plan: Plan }
  /** The last attempt failed; another follows when workers come or after a pause. */
  | { kind: "failed"; error: StagecoachError }
  | { kind: "stopping" };

const names = {
  waiting: "WAITING_FOR_WORKERS",
  measuring: "MEASURING",
  loading: "LOADING",
  serving: "SERVING",
  failed: "FAILED",
  stopping: "STOPPING",
} as const satisfies Record<SessionState["kind"], string>;

/** The state's name in ClusterStatus and events. */
export function stateName(state: SessionState): (typeof names)[SessionState["kind"]] {
  return names[state.kind];
}

/** One sentence for whoever asks why the cluster does not serve yet. */
export function describeState(state: SessionState): string {
  switch (state.kind) {
    case "waiting":
      return `waiting for workers: ${state.present} of ${state.needed} joined`;
    case "measuring":
      return `measuring ${state.workers} workers`;
    case "loading":
      return `loading ${state.plan.stages.length} stages, ${Math.floor((100 * state.doneBytes) / Math.max(1, state.totalBytes))} % of their layers are there`;
    case "serving":
      return `serving with ${state.plan.stages.length} stages`;
    case "failed":
      return state.error.message;
    case "stopping":
      return "stopping";
  }
}
