import { Tensor } from "onnxruntime-node";
import {
  chunkPastKeysInput,
  chunkPastValuesInput,
  graphInputs,
  pastKeysInput,
  pastValuesInput,
} from "../../../model/graph/stage-graph-io.js";
import { integers } from "../ort/integers.js";
import type { FeedContext } from "./feed-context.js";
import { pastTensors } from "./past-feeds.js";
import { chunkMask, stepMask } from "./run-mask.js";
import { longestSlice, type RunGroup, type StageRun } from "./stage-run.js";

type Feeds = Record<string, Tensor>;

/**
 * Inputs of attention to a past of integers. Those of steps where there are none, and of chunks likewise, are the
 * others' or as small as they can be: they are not read.
 */
export function int8Feeds(context: FeedContext, { steps, chunks }: StageRun): Feeds {
  return {
    [graphInputs.decode]: new Tensor("bool", [chunks === undefined], []),
    [graphInputs.mixed]: new Tensor("bool", [steps !== undefined && chunks !== undefined], []),
    ...pastFeeds(
      context,
      (steps ?? chunks) as RunGroup,
      pastKeysInput,
      pastValuesInput,
      graphInputs.pastScales,
    ),
    ...pastFeeds(
      context,
      (chunks ?? steps) as RunGroup,
      chunkPastKeysInput,
      chunkPastValuesInput,
      graphInputs.chunkPastScales,
    ),
    ...stepFeeds(steps),
    ...(chunks === undefined ? unusedChunkFeeds : chunkFeeds(context, chunks, steps?.slices.length ?? 0)),
  };
}

function stepFeeds(steps: RunGroup | undefined): Feeds {
  return {
    [graphInputs.mask]: steps ? stepMask(steps) : new Tensor("float32", new Float32Array(1), [1, 1, 1, 1]),
    [graphInputs.pastSplit]: integers([steps?.arena.capacity ?? 0, 1]),
    [graphInputs.stepTokens]: integers(steps ? [...steps.slices.keys()] : [0]),
  };
}

/** `before`: steps beside the chunks. */
function chunkFeeds({ config }: FeedContext, chunks: RunGroup, before: number): Feeds {
  const { headCount, kvHeadCount, headSize } = config;
  const { arena, slices } = chunks;
  const longest = longestSlice(slices);
  const tokens: number[] = [];
  const packed = Array.from({ length: before }, (_, step) => step);
  let first = before;
  for (const [row, { length }] of slices.entries()) {
    for (let token = 0; token < longest; token++) tokens.push(first + Math.min(token, length - 1));
    for (let token = 0; token < length; token++) packed.push(before + row * longest + token);
    first += length;
  }
  return {
    [graphInputs.chunkTokens]: integers(tokens, [slices.length, longest]),
    [graphInputs.packedRows]: integers(packed),
    [graphInputs.chunkHeadsShape]: integers([slices.length, headCount, longest, headSize]),
    [graphInputs.chunkMask]: chunkMask(chunks, headCount / kvHeadCount),
    [graphInputs.chunkPastSplit]: integers([arena.capacity, longest]),
  };
}

const unusedChunkFeeds: Feeds = {
  [graphInputs.chunkTokens]: integers([0], [1, 1]),
  [graphInputs.packedRows]: integers([0]),
  [graphInputs.chunkHeadsShape]: integers([1, 1, 1, 1]),
  [graphInputs.chunkMask]: new Tensor("float32", new Float32Array(1), [1, 1, 1, 1]),
  [graphInputs.chunkPastSplit]: integers([0, 1]),
};

function pastFeeds(
  { firstLayer }: FeedContext,
  { arena, slices }: RunGroup,
  keysInput: (layer: number) => string,
  valuesInput: (layer: number) => string,
  scalesInput: string,
): Feeds {
  const { keys, values, scales } = pastTensors(arena, slices.length);
  const feeds: Feeds = { [scalesInput]: scales as Tensor };
  for (const [index, tensor] of keys.entries()) feeds[keysInput(firstLayer + index)] = tensor;
  for (const [index, tensor] of values.entries()) feeds[valuesInput(firstLayer + index)] = tensor;
  return feeds;
}
