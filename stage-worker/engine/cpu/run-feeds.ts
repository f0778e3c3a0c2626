import { Tensor } from "onnxruntime-node";
import { type Activation, copyRows, newActivation, rowsOf } from "../../../common/tensor.js";
import type { ModelConfig } from "../../../model/config.js";
import { graphInputs, pastKeysInput, pastValuesInput } from "../../../model/graph/stage-graph-io.js";
import type { StageInput } from "../stage-runner.js";
import { hiddenFeeds } from "./hidden-tensors.js";
import type { KvArena } from "./kv-arena.js";
import type { RotaryTensors } from "./rotary-tensors.js";
import { runMask } from "./run-mask.js";
import { runTokens, type StageRun } from "./stage-run.js";

/** What the feeds of every run of a stage depend on. */
export interface FeedContext {
  readonly config: ModelConfig;
  readonly firstLayer: number;
  readonly endLayer: number;
  readonly head: boolean;
  readonly rotary: RotaryTensors;
}

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
    const { form } = run.arena.shape;
    Object.assign(feeds, placeFeeds(context, run), pastFeeds(context, run));
    Object.assign(feeds, form === "int8" ? int8Feeds(context, run) : floatFeeds(run));
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

/** Where the tokens are, and what each sees. */
function placeFeeds({ config, rotary }: FeedContext, run: StageRun): Feeds {
  const { arena, slices } = run;
  const { form } = arena.shape;
  const positions: number[] = [];
  let end = 0;
  for (const { context, length } of slices) {
    for (let token = 0; token < length; token++) positions.push(context + token);
    end = Math.max(end, context + length);
  }
  const shape = form === "int8" ? [slices.length, positions.length / slices.length] : [1, positions.length];
  const { cos, sin } = rotary.upTo(end);
  return {
    [graphInputs.positions]: integers(positions, shape),
    [graphInputs.rotaryCos]: cos,
    [graphInputs.rotarySin]: sin,
    [graphInputs.mask]: runMask(run, config.headCount / config.kvHeadCount),
  };
}

/** Every input must be given; those of the branch that is not taken are as small as they can be. */
function floatFeeds({ arena, decode, slices }: StageRun): Feeds {
  const ends = slices.map(({ context, length }) => context + length);
  return {
    [graphInputs.pastSplit]: integers([decode ? arena.capacity : 0, 1]),
    [graphInputs.decode]: new Tensor("bool", [decode], []),
    [graphInputs.lastPositions]: new Tensor(
      "int32",
      Int32Array.from(ends, (end) => end - 1),
      [slices.length],
    ),
    [graphInputs.totalLength]: new Tensor("int32", Int32Array.of(Math.max(...ends)), []),
  };
}

function int8Feeds({ config }: FeedContext, { arena, slices }: StageRun): Feeds {
  const { headCount, kvHeadCount, headSize } = config;
  const [rows, tokens] = [slices.length, slices[0]?.length ?? 0];
  const { layers } = arena.shape;
  return {
    [graphInputs.pastSplit]: integers([arena.capacity, tokens]),
    [graphInputs.headsShape]: integers([rows, tokens, headCount + 2 * kvHeadCount, headSize]),
    [graphInputs.pastScales]: new Tensor("float32", arena.planes.gatherScales(rows), [
      layers * 2 * rows,
      kvHeadCount,
      1,
      arena.capacity,
    ]),
  };
}

/** The past of an arena's first rows as tensors over the same memory, made again when the arena moved. */
const pastTensors = new WeakMap<KvArena, { version: number; rows: number; feeds: Feeds }>();

function pastFeeds({ firstLayer, endLayer }: FeedContext, { arena, slices }: StageRun): Feeds {
  const rows = slices.length;
  const known = pastTensors.get(arena);
  if (known?.version === arena.version && known.rows === rows) return known.feeds;
  const { kvHeads, headSize, form } = arena.shape;
  const elements = rows * kvHeads * arena.capacity * headSize;
  const inner = form === "int8" ? [] : [1];
  const tensor = (data: Float32Array | Int8Array, ...matrix: number[]) => {
    const shape = [rows, kvHeads, ...inner, ...matrix];
    const part = data.subarray(0, elements);
    return part instanceof Float32Array
      ? new Tensor("float32", part, shape)
      : new Tensor("int8", part, shape);
  };
  const keyMatrix = form === "int8" ? [headSize, arena.capacity] : [arena.capacity, headSize];
  const feeds: Feeds = {};
  for (let layer = firstLayer; layer < endLayer; layer++) {
    feeds[pastKeysInput(layer)] = tensor(arena.planes.keys(layer - firstLayer), ...keyMatrix);
    feeds[pastValuesInput(layer)] = tensor(arena.planes.values(layer - firstLayer), arena.capacity, headSize);
  }
  pastTensors.set(arena, { version: arena.version, rows, feeds });
  return feeds;
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

function integers(values: readonly number[], shape: readonly number[] = [values.length]): Tensor {
  return new Tensor("int64", BigInt64Array.from(values, BigInt), shape);
}
