import { expect, test } from "vitest";
import type { LoadedStage } from "./loaded-stage.js";
import { ProcessStages } from "./process-stages.js";

const first = {
  epoch: 4,
  stageIndex: 0,
  stageCount: 2,
  firstLayer: 0,
  endLayer: 2,
  nextAddress: "127.0.0.1:7",
};

/** A stage of which only its place is looked at. */
function stageAt(epoch: number, stageIndex: number): LoadedStage {
  return { place: { ...first, epoch, stageIndex, nextAddress: "" } } as LoadedStage;
}

test("the stage that follows is found by its address, its epoch and its place", () => {
  const stages = new ProcessStages();
  expect(stages.after(first)).toBeUndefined();
  const slot: { stage: LoadedStage | undefined } = { stage: undefined };
  stages.add("127.0.0.1:7", slot);
  expect(stages.has("127.0.0.1:7")).toBe(true);
  expect(stages.after(first)).toBeUndefined();
  slot.stage = stageAt(4, 1);
  expect(stages.after(first)).toBe(slot.stage);
  expect(stages.after({ ...first, nextAddress: "127.0.0.1:8" })).toBeUndefined();
  slot.stage = stageAt(5, 1);
  expect(stages.after(first)).toBeUndefined();
  slot.stage = stageAt(4, 0);
  expect(stages.after(first)).toBeUndefined();
  slot.stage = stageAt(4, 1);
  stages.remove("127.0.0.1:7");
  expect(stages.after(first)).toBeUndefined();
});
