import type { StagecoachError } from "../../common/errors.js";
import type { Plan } from "../planner/types.js";

/** Where a pipeline is on its way to serving. */
export type SessionState =
  /** Fewer workers than are needed. */
  | { kind: "waiting"; present: number; needed: number }
  /** The model is packed in the variant that these workers want; a sentence about how far that is. */
  | { kind: "preparing"; progress: string }
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
  // What comes before measuring, and seldom.
  preparing: "MEASURING",
  measuring: "MEASURING",
  loading: "LOADING",
  serving: "SERVING",
  failed: "FAILED",
  stopping: "STOPPING",
} as const satisfies Record<SessionState["kind"], string>;

/** A state's name in ClusterStatus and events. */
export type StateName = (typeof names)[SessionState["kind"]];

/** A state as it is told. */
export interface ClusterState {
  readonly kind: SessionState["kind"];
  readonly name: StateName;
  /** One sentence. */
  readonly detail: string;
}

export function stateOf(state: SessionState): ClusterState {
  return { kind: state.kind, name: names[state.kind], detail: describeState(state) };
}

/** Of several pipelines the one that is furthest says where the cluster is. */
const byProgress = ["serving", "loading", "measuring", "preparing", "failed", "waiting", "stopping"] as const;

/** What the states of all pipelines come to: the cluster serves when one does. */
export function joinStates(states: readonly SessionState[]): ClusterState {
  const [only] = states;
  if (states.length === 1 && only !== undefined) return stateOf(only);
  const kind = byProgress.find((each) => states.some((state) => state.kind === each)) ?? "waiting";
  return { kind, name: names[kind], detail: describeAll(states) };
}

function describeAll(states: readonly SessionState[]): string {
  const serving = states.filter(({ kind }) => kind === "serving").length;
  if (serving === states.length) return `serving with ${serving} replicas`;
  if (states.every(({ kind }) => kind === "stopping")) return "stopping";
  const others = states.flatMap((state, replica) =>
    state.kind === "serving" ? [] : [`replica ${replica}: ${describeState(state)}`],
  );
  return [...(serving > 0 ? [`serving with ${serving} of ${states.length} replicas`] : []), ...others].join(
    "; ",
  );
}

/** One sentence for whoever asks why the cluster does not serve yet. */
function describeState(state: SessionState): string {
  switch (state.kind) {
    case "waiting":
      return `waiting for workers: ${state.present} of ${state.needed} joined`;
    case "preparing":
      return `getting the model ready: ${state.progress}`;
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
