import { copyRows, newActivation, rowsOf } from "../../common/tensor.js";
import type { RaggedBatch, StageInput } from "./stage-runner.js";

/** A batch and what it computes on. */
export interface Work {
  readonly batch: RaggedBatch;
  readonly input: StageInput;
}

/** Leaves out the slices of sequences. Returns the same work when there are none. */
export function withoutSequences(work: Work, left: ReadonlySet<number>): Work {
  const { sequenceIds } = work.batch;
  const kept = [...sequenceIds.keys()].filter((index) => !left.has(sequenceIds[index] as number));
  return kept.length === sequenceIds.length ? work : withSlices(work, kept);
}

/** The work of some of a batch's slices, by their ascending indices. */
export function withSlices({ batch, input }: Work, kept: readonly number[]): Work {
  const pick = <Value>(values: readonly Value[]): Value[] => kept.map((index) => values[index] as Value);
  return {
    batch: {
      lane: batch.lane,
      sequenceIds: pick(batch.sequenceIds),
      contextLengths: pick(batch.contextLengths),
      lengths: pick(batch.lengths),
      sample: pick(batch.sample),
      newBlocks: pick(batch.newBlocks),
    },
    input: pickRows(input, batch.lengths, kept),
  };
}

/** The input's rows of the slices that are kept; a row is a token id or a hidden state. */
function pickRows(input: StageInput, lengths: readonly number[], kept: readonly number[]): StageInput {
  const ends: number[] = [];
  for (const length of lengths) ends.push((ends.at(-1) ?? 0) + length);
  const startOf = (index: number): number => (ends[index] as number) - (lengths[index] as number);
  const rows = kept.reduce((sum, index) => sum + (lengths[index] as number), 0);
  if (input.kind === "tokens") {
    const tokenIds = new Uint32Array(rows);
    forEachKept(lengths, kept, (index, row) =>
      tokenIds.set(input.tokenIds.subarray(startOf(index), ends[index]), row),
    );
    return { kind: "tokens", tokenIds };
  }
  const width = input.data.length / (ends.at(-1) ?? 1);
  const picked = newActivation(input.dtype, rows, width);
  forEachKept(lengths, kept, (index, row) =>
    copyRows(rowsOf(input, startOf(index), lengths[index] as number, width), picked, row, width),
  );
  return { kind: "hidden", ...picked };
}

/** Calls with each kept slice and the row that it comes to. */
function forEachKept(
  lengths: readonly number[],
  kept: readonly number[],
  call: (index: number, row: number) => void,
): void {
  let row = 0;
  for (const index of kept) {
    call(index, row);
    row += lengths[index] as number;
  }
}
