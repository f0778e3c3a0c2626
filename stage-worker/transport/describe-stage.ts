import type { StageState__Output } from "../../proto/gen/stagecoach/v1/StageState.js";
import type { EngineStats } from "../engine/shared-stats.js";
import type { SlotState } from "./stage-slot.js";

/** What a worker holds, as it is told to the coordinator. Every field is set. */
export function describeStage(state: SlotState): StageState__Output {
  switch (state.kind) {
    case "idle":
      return { ...nothing, state: "IDLE" };
    case "loading":
      return { ...nothing, ...rangeOf(state), state: "LOADING" };
    case "ready":
      return {
        ...nothing,
        ...rangeOf(state),
        ...figuresOf(state.stage.stats),
        state: "READY",
        blocksTotal: state.stage.blockCount,
        weightBytes: state.stage.weightBytes,
        weights: state.stage.weights,
      };
    case "failed":
      return {
        ...nothing,
        ...rangeOf(state),
        ...(state.stats && figuresOf(state.stats)),
        state: "FAILED",
        error: state.reason.message,
      };
  }
}

function rangeOf({ place }: Exclude<SlotState, { kind: "idle" }>) {
  return { epoch: place.epoch, firstLayer: place.firstLayer, endLayer: place.endLayer };
}

function figuresOf({ times, ...figures }: EngineStats) {
  return {
    ...figures,
    times: {
      busyMs: times.busy / 1000,
      waitInMs: times.waitIn / 1000,
      waitOutMs: times.waitOut / 1000,
      sendMs: times.send / 1000,
    },
  };
}

const nothing: StageState__Output = {
  state: "STATE_UNSPECIFIED",
  epoch: 0,
  firstLayer: 0,
  endLayer: 0,
  blocksUsed: 0,
  blocksTotal: 0,
  sequences: 0,
  times: null,
  steps: 0,
  tokens: 0,
  hopP50Us: 0,
  hopP99Us: 0,
  error: "",
  weightBytes: 0,
  weights: "",
};
