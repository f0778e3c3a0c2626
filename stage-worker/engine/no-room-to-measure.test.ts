import { expect, test } from "vitest";
import { StagecoachError } from "../../common/errors.js";
import { noRoomFor } from "./compute-in-parts.js";
import { noRoomToMeasure } from "./no-room-to-measure.js";

const batch = {
  lane: 0,
  sequenceIds: [1],
  contextLengths: [0],
  lengths: [1],
  sample: [true],
  newBlocks: [[]],
};

test("what a device has no room for says what else uses it, not how to send less", () => {
  const said = new Error("/src/cuda_call.cc:154 CUBLAS failure 3: the resource allocation failed ; GPU=0");
  const reason = noRoomToMeasure(noRoomFor(batch, "CUDA device 0", said));
  expect(reason).toMatchObject({
    code: "RESOURCE_EXHAUSTED",
    message:
      "its device has too little free memory even to time a few layers of the model (CUBLAS failure 3: the resource allocation failed): end what else uses it, or take another device",
  });
});

test.each([
  new StagecoachError("RESOURCE_EXHAUSTED", "layers [0, 16) do not fit"),
  new StagecoachError("INTERNAL", "x", { cause: new Error("CUDA failure 2: out of memory ; GPU=0") }),
  new Error("x"),
])("others stay what they are: %s", (reason) => expect(noRoomToMeasure(reason)).toBe(reason));
