import { Tensor } from "onnxruntime-node";
import { graphInputs, pagedInputs } from "../../../model/graph/stage-graph-io.js";
import { hiddenFeeds } from "../ort/hidden-tensors.js";
import { integers } from "../ort/integers.js";
import { partFeeds } from "../ort/row-parts.js";
import { logitRows, type SampledRow } from "../ort/sample-rows.js";
import type { RaggedBatch, StageInput } from "../stage-runner.js";

/** What the feeds of a micro-batch depend on beside it. */
export interface PagedFeedContext {
  readonly blockSize: number;
  readonly hiddenSize: number;
  /** Into which a row's vocabulary is cut, see `tokenRuns`. */
  readonly runCount: number;
  readonly hasLayers: boolean;
  readonly head: boolean;
  /** Blocks of a sequence, in order of position. */
  readonly blocks: (sequenceId: number) => readonly number[];
}

/** The graph's inputs, but for caches, for a whole micro-batch: decoding rows and chunks of prompts together. `rows`: the sampled ones. */
export function pagedFeeds(
  context: PagedFeedContext,
  batch: RaggedBatch,
  input: StageInput,
  rows: readonly SampledRow[],
): Record<string, Tensor> {
  const starts = startsOf(batch.lengths);
  const tokens = starts[batch.lengths.length] as number;
  return {
    ...(input.kind === "tokens"
      ? { [graphInputs.tokens]: new Tensor("int32", Int32Array.from(input.tokenIds), [tokens]) }
      : hiddenFeeds(input, tokens, context.hiddenSize)),
    ...(context.hasLayers && placeFeeds(context, batch, starts)),
    ...(context.head && {
      [graphInputs.sampleRows]: integers(sampledTokens(batch, starts)),
      [graphInputs.logitRows]: integers(logitRows(rows)),
      ...partFeeds(rows, context.runCount),
    }),
  };
}

function placeFeeds(
  { blocks, blockSize }: PagedFeedContext,
  { sequenceIds, lengths, contextLengths }: RaggedBatch,
  starts: Int32Array,
): Record<string, Tensor> {
  const count = sequenceIds.length;
  const ends = contextLengths.map((context, index) => context + (lengths[index] as number));
  const longest = Math.max(...ends);
  const width = Math.ceil(longest / blockSize);
  const table = new Int32Array(count * width);
  for (const [row, sequenceId] of sequenceIds.entries()) {
    table.set(blocks(sequenceId).slice(0, Math.ceil((ends[row] as number) / blockSize)), row * width);
  }
  return {
    [pagedInputs.starts]: new Tensor("int32", starts, [count + 1]),
    [pagedInputs.pasts]: new Tensor("int32", Int32Array.from(contextLengths), [count]),
    [pagedInputs.blockTable]: new Tensor("int32", table, [count, width]),
    [pagedInputs.longest]: new Tensor("int32", Int32Array.of(Math.max(...lengths), longest), [2]),
  };
}

/** `[sequences + 1]` */
function startsOf(lengths: readonly number[]): Int32Array {
  const starts = new Int32Array(lengths.length + 1);
  for (const [index, length] of lengths.entries()) starts[index + 1] = (starts[index] as number) + length;
  return starts;
}

/** Last tokens of the slices that are sampled; some token where none is: a graph of no rows at all is not worth having. */
function sampledTokens({ sample }: RaggedBatch, starts: Int32Array): number[] {
  const rows = sample.flatMap((wanted, index) => (wanted ? [(starts[index + 1] as number) - 1] : []));
  return rows.length === 0 ? [0] : rows;
}
