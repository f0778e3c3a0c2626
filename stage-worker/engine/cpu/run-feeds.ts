import { Tensor } from "onnxruntime-node";
import { type Activation, copyRows, newActivation, rowsOf } from "../../../common/tensor.js";
import { graphInputs, pastKeysInput, pastValuesInput } from "../../../model/graph/stage-graph-io.js";
import type { StageInput } from "../stage-runner.js";
import { hiddenFeeds } from "./hidden-tensors.js";
import type { KvArena } from "./kv-arena.js";
import type { RotaryRows } from "./rotary-rows.js";
import { runTokens, type StageRun } from "./stage-run.js";

/** What the feeds of every run of a stage depend on. */
export interface FeedContext {
  readonly firstLayer: number;
  readonly endLayer: number;
  readonly head: boolean;
  readonly hiddenSize: number;
  readonly rotary: RotaryRows;
}

type Feeds = Record<string, Tensor>;

/** Inputs of the graph for a run, see stage-graph-io.ts. */
export function runFeeds(context: FeedContext, run: StageRun, input: StageInput): Feeds {
  const feeds: Feeds = inputFeeds(context, run, input);
  if (context.endLayer > context.firstLayer) {
    Object.assign(feeds, rotaryFeeds(context, run), lengthFeeds(run), pastFeeds(context, run));
  }
  if (context.head) feeds[graphInputs.sampleRows] = sampleRows(run);
  return feeds;
}

function inputFeeds({ hiddenSize }: FeedContext, run: StageRun, input: StageInput): Feeds {
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

/** A chunk's rows are next to each other already; decoding rows come in the order of the arena. */
function gatherRows(packed: Activation, run: StageRun, width: number): Activation {
  const [first] = run.slices;
  if (first && run.slices.length === 1) return rowsOf(packed, first.firstToken, first.length, width);
  const rows = newActivation(packed.dtype, run.slices.length, width);
  run.slices.forEach(({ firstToken }, row) => {
    copyRows(rowsOf(packed, firstToken, 1, width), rows, row, width);
  });
  return rows;
}

function rotaryFeeds({ rotary }: FeedContext, run: StageRun): Feeds {
  const tokens = runTokens(run);
  const { width } = rotary;
  const cos = new Float32Array(tokens * width);
  const sin = new Float32Array(tokens * width);
  let to = 0;
  for (const { context, length } of run.slices) {
    const tables = rotary.at(context, length);
    cos.set(tables.cos, to);
    sin.set(tables.sin, to);
    to += length * width;
  }
  const rows = BigInt64Array.from({ length: tokens }, (_, row) => BigInt(row));
  return {
    [graphInputs.rotaryCos]: new Tensor("float32", cos, [tokens, width]),
    [graphInputs.rotarySin]: new Tensor("float32", sin, [tokens, width]),
    [graphInputs.rotaryRows]: new Tensor("int64", rows, [1, tokens]),
  };
}

/** Every input must be given; those of the branch that is not taken are as small as they can be. */
function lengthFeeds({ arena, decode, slices }: StageRun): Feeds {
  const capacity = decode ? arena.capacity : 0;
  const rows = slices.length;
  const mask = new Float32Array(rows * (capacity + 1));
  slices.forEach(({ context }, row) => {
    const start = row * (capacity + 1);
    mask.fill(Number.NEGATIVE_INFINITY, start + context, start + capacity);
  });
  const ends = slices.map(({ context, length }) => context + length);
  return {
    [graphInputs.decode]: new Tensor("bool", [decode], []),
    [graphInputs.mask]: new Tensor("float32", mask, [rows, 1, 1, 1, capacity + 1]),
    [graphInputs.pastSplit]: new Tensor("int64", BigInt64Array.of(BigInt(capacity), 1n), [2]),
    [graphInputs.lastPositions]: new Tensor(
      "int32",
      Int32Array.from(ends, (end) => end - 1),
      [rows],
    ),
    [graphInputs.totalLength]: new Tensor("int32", Int32Array.of(Math.max(...ends)), []),
  };
}

/** The past of an arena's first rows as tensors over the same memory, made again when the arena moved. */
const pastTensors = new WeakMap<KvArena, { version: number; rows: number; feeds: Feeds }>();

function pastFeeds({ firstLayer }: FeedContext, { arena, slices }: StageRun): Feeds {
  const rows = slices.length;
  const known = pastTensors.get(arena);
  if (known?.version === arena.version && known.rows === rows) return known.feeds;
  const { kvHeads, headSize } = arena.shape;
  const shape = [rows, kvHeads, 1, arena.capacity, headSize];
  const feeds: Feeds = {};
  arena.layers.forEach(({ keys, values }, index) => {
    const elements = rows * arena.rowSize;
    feeds[pastKeysInput(firstLayer + index)] = new Tensor("float32", keys.subarray(0, elements), shape);
    feeds[pastValuesInput(firstLayer + index)] = new Tensor("float32", values.subarray(0, elements), shape);
  });
  pastTensors.set(arena, { version: arena.version, rows, feeds });
  return feeds;
}

/** Last tokens of the slices that are sampled. */
function sampleRows({ slices }: StageRun): Tensor {
  const rows: bigint[] = [];
  let end = 0;
  for (const { length, sample } of slices) {
    end += length;
    if (sample) rows.push(BigInt(end - 1));
  }
  return new Tensor("int64", BigInt64Array.from(rows), [rows.length]);
}
