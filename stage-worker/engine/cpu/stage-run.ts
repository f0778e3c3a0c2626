import type { RaggedBatch } from "../stage-runner.js";
import type { KvArena } from "./kv-arena.js";
import type { KvRows } from "./kv-rows.js";

/** Some slices of a batch that the graph computes in one go. */
export interface StageRun {
  readonly arena: KvArena;
  /** One token of each of several sequences, by row of the arena; otherwise a chunk of the one in row 0. */
  readonly decode: boolean;
  readonly slices: readonly RunSlice[];
}

/** A slice and where its tokens are in the packed batch. */
export interface RunSlice {
  readonly sequenceId: number;
  readonly context: number;
  readonly length: number;
  readonly sample: boolean;
  readonly firstToken: number;
}

/**
 * Cuts a batch into runs: all slices of one token together (by length where lengths differ much), each longer
 * one alone. Nothing is lost by that: the integer products cost the same per row from a few rows on.
 * `expectedTokens` says how long a sequence's prompt is.
 */
export function planRuns(
  batch: RaggedBatch,
  kv: KvRows,
  expectedTokens: (sequenceId: number) => number,
): StageRun[] {
  const slices = slicesOf(batch);
  const byId = new Map(slices.map((slice) => [slice.sequenceId, slice]));
  const single = slices.filter(({ length }) => length === 1);
  const groups = kv.decodeGroups(
    batch.lane,
    single.map(({ sequenceId, context }) => ({ id: sequenceId, length: context })),
  );
  const decode = groups.map(({ arena, sequenceIds }) => ({
    arena,
    decode: true,
    slices: sequenceIds.map((id) => byId.get(id) as RunSlice),
  }));
  const prefill = slices
    .filter(({ length }) => length > 1)
    .map((slice) => ({
      arena: kv.alone(
        slice.sequenceId,
        slice.context,
        slice.context + slice.length,
        expectedTokens(slice.sequenceId),
      ),
      decode: false,
      slices: [slice],
    }));
  return [...decode, ...prefill];
}

/** Tokens of a run. */
export function runTokens({ slices }: StageRun): number {
  return slices.reduce((sum, { length }) => sum + length, 0);
}

function slicesOf(batch: RaggedBatch): RunSlice[] {
  let firstToken = 0;
  return batch.sequenceIds.map((sequenceId, index) => {
    const length = batch.lengths[index] as number;
    const slice: RunSlice = {
      sequenceId,
      length,
      context: batch.contextLengths[index] as number,
      sample: batch.sample[index] === true,
      firstToken,
    };
    firstToken += length;
    return slice;
  });
}
