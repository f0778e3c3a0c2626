import { Tensor } from "onnxruntime-node";
import { graphInputs, pagedInputs } from "../../../model/graph/stage-graph-io.js";
import { hiddenFeeds } from "../ort/hidden-tensors.js";
import { type PartInputs, partInputs } from "../ort/row-parts.js";
import { logitRows, type SampledRow } from "../ort/sample-rows.js";
import type { RaggedBatch, StageInput } from "../stage-runner.js";
import { packedFeeds, type SmallInputs, separateFeeds } from "./integer-feeds.js";

/** What the feeds of a micro-batch depend on beside it. */
export interface PagedFeedContext {
  readonly blockSize: number;
  readonly hiddenSize: number;
  /** Into which a row's vocabulary is cut, see `tokenRuns`. */
  readonly runCount: number;
  readonly hasLayers: boolean;
  readonly head: boolean;
  /** Whether small inputs are one tensor. */
  readonly packsIntegers: boolean;
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
  const place = context.hasLayers ? placesOf(context, batch) : undefined;
  const parts = context.head ? partInputs(rows, context.runCount) : undefined;
  const small: SmallInputs = {
    values: {
      ...(input.kind === "tokens" && { [graphInputs.tokens]: input.tokenIds }),
      ...(place && {
        [pagedInputs.starts]: starts,
        [pagedInputs.pasts]: batch.contextLengths,
        [pagedInputs.blockTable]: place.table,
      }),
      ...(parts && {
        [graphInputs.sampleRows]: sampledTokens(batch, starts),
        [graphInputs.logitRows]: logitRows(rows),
        [graphInputs.topRows]: parts.topRows,
      }),
    },
    tableWidth: place?.width ?? 0,
    ...(parts && { weighedRows: parts.weighedRows }),
  };
  return {
    ...(input.kind === "hidden" && hiddenFeeds(input, tokens, context.hiddenSize)),
    ...(context.packsIntegers ? packedFeeds(small) : separateFeeds(small)),
    ...(place && { [pagedInputs.longest]: new Tensor("int32", place.longest, [2]) }),
    ...(parts && wantsFeed(parts)),
  };
}

function wantsFeed({ wantsParts }: PartInputs): Record<string, Tensor> {
  return { [graphInputs.wantsParts]: new Tensor("bool", Uint8Array.of(wantsParts ? 1 : 0), []) };
}

/** Where the sequences of a micro-batch are in KV. */
interface Places {
  /** `[sequences, width]` */
  readonly table: Int32Array;
  readonly width: number;
  /** Most new tokens of a sequence, most tokens of one. */
  readonly longest: Int32Array;
}

function placesOf(
  { blocks, blockSize }: PagedFeedContext,
  { sequenceIds, lengths, contextLengths }: RaggedBatch,
): Places {
  const ends = contextLengths.map((context, index) => context + (lengths[index] as number));
  const longest = Math.max(...ends);
  const width = Math.ceil(longest / blockSize);
  const table = new Int32Array(sequenceIds.length * width);
  for (const [row, sequenceId] of sequenceIds.entries()) {
    table.set(blocks(sequenceId).slice(0, Math.ceil((ends[row] as number) / blockSize)), row * width);
  }
  return { table, width, longest: Int32Array.of(Math.max(...lengths), longest) };
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
