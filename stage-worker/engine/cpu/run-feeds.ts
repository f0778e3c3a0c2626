import { Tensor } from "onnxruntime-node";
import { type Activation, copyRows, newActivation, rowsOf } from "../../../common/tensor.js";
import { graphInputs } from "../../../model/graph/stage-graph-io.js";
import { hiddenFeeds } from "../ort/hidden-tensors.js";
import { integers } from "../ort/integers.js";
import type { StageInput } from "../stage-runner.js";
import type { FeedContext } from "./feed-context.js";
import { floatFeeds } from "./float-feeds.js";
import { int8Feeds } from "./int8-feeds.js";
import { runTokens, type StageRun } from "./stage-run.js";

type Feeds = Record<string, Tensor>;

/**
 * Inputs of the graph for a run, see stage-graph-io.ts.
 * `logitRows`: which of the sampled rows, counted among themselves, need their logits.
 */
export function runFeeds(
  context: FeedContext,
  run: StageRun,
  input: StageInput,
  logitRows: readonly number[],
): Feeds {
  const feeds = inputFeeds(context, run, input);
  if (context.endLayer > context.firstLayer) {
    const { shape } = (run.steps ?? run.chunks)?.arena ?? {};
    const int8 = shape?.form === "int8";
    Object.assign(feeds, placeFeeds(context, run, int8));
    Object.assign(feeds, (int8 ? int8Feeds : floatFeeds)(context, run));
  }
  if (context.head) {
    feeds[graphInputs.sampleRows] = integers(sampleRows(run));
    feeds[graphInputs.logitRows] = integers(logitRows);
  }
  return feeds;
}

function inputFeeds({ config: { hiddenSize } }: FeedContext, run: StageRun, input: StageInput): Feeds {
  const tokens = runTokens(run);
  if (input.kind === "tokens") {
    const ids = new Int32Array(tokens);
    let to = 0;
    for (const { firstToken, length } of run.slices) {
      ids.set(input.tokenIds.subarray(firstToken, firstToken + length), to);
      to += length;
    }
    return { [graphInputs.tokens]: new Tensor("int32", ids, [tokens]) };
  }
  return hiddenFeeds(gatherRows(input, run, hiddenSize), tokens, hiddenSize);
}

/** A slice's rows are next to each other already; otherwise they come in the order of the run. */
function gatherRows(packed: Activation, run: StageRun, width: number): Activation {
  const [first] = run.slices;
  if (first && run.slices.length === 1) return rowsOf(packed, first.firstToken, first.length, width);
  const rows = newActivation(packed.dtype, runTokens(run), width);
  let to = 0;
  for (const { firstToken, length } of run.slices) {
    copyRows(rowsOf(packed, firstToken, length, width), rows, to, width);
    to += length;
  }
  return rows;
}

function placeFeeds({ rotary }: FeedContext, { slices }: StageRun, int8: boolean): Feeds {
  const positions: number[] = [];
  let end = 0;
  for (const { context, length } of slices) {
    for (let token = 0; token < length; token++) positions.push(context + token);
    end = Math.max(end, context + length);
  }
  const { cos, sin } = rotary.upTo(end);
  return {
    [graphInputs.positions]: integers(positions, int8 ? [positions.length, 1] : [1, positions.length]),
    [graphInputs.rotaryCos]: cos,
    [graphInputs.rotarySin]: sin,
  };
}

/** Last tokens of the slices that are sampled; some token where none is, for rounding no rows at all fails. */
function sampleRows({ slices }: StageRun): number[] {
  const rows: number[] = [];
  let end = 0;
  for (const { length, sample } of slices) {
    end += length;
    if (sample) rows.push(end - 1);
  }
  return rows.length === 0 ? [0] : rows;
}
