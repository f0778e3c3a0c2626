import { Tensor } from "onnxruntime-node";
import { graphInputs, pastKeysInput, pastValuesInput } from "../../../model/graph/stage-graph-io.js";
import { integers } from "../ort/integers.js";
import type { FeedContext } from "./feed-context.js";
import { pastTensors } from "./past-feeds.js";
import { stepMask } from "./run-mask.js";
import type { RunGroup, StageRun } from "./stage-run.js";

/** Inputs of attention to a past of floats; those of the branch that is not taken are as small as they can be. */
export function floatFeeds({ firstLayer }: FeedContext, { steps, chunks }: StageRun): Record<string, Tensor> {
  const { arena, slices } = (steps ?? chunks) as RunGroup;
  const ends = slices.map(({ context, length }) => context + length);
  const feeds: Record<string, Tensor> = {
    [graphInputs.mask]: steps ? stepMask(steps) : new Tensor("float32", new Float32Array(1), [1, 1, 1, 1, 1]),
    [graphInputs.pastSplit]: integers([steps ? arena.capacity : 0, 1]),
    [graphInputs.decode]: new Tensor("bool", [steps !== undefined], []),
    [graphInputs.lastPositions]: new Tensor(
      "int32",
      Int32Array.from(ends, (end) => end - 1),
      [slices.length],
    ),
    [graphInputs.totalLength]: new Tensor("int32", Int32Array.of(Math.max(...ends)), []),
  };
  const { keys, values } = pastTensors(arena, slices.length);
  for (const [index, tensor] of keys.entries()) feeds[pastKeysInput(firstLayer + index)] = tensor;
  for (const [index, tensor] of values.entries()) feeds[pastValuesInput(firstLayer + index)] = tensor;
  return feeds;
}
