import type { RaggedBatch, StageInput } from "./stage-runner.js";

/** A batch and what it computes on. */
export interface Work {
  readonly batch: RaggedBatch;
  readonly input: StageInput;
}

/**
 * Leaves out the slices of sequences that failed before: frames with them were under way when they failed,
 * and must not take other sequences of the batch with them. Returns the same work when there are none.
 */
export function withoutBroken(work: Work, broken: ReadonlySet<number>): Work {
  const { batch, input } = work;
  const kept = [...batch.sequenceIds.keys()].filter(
    (index) => !broken.has(batch.sequenceIds[index] as number),
  );
  if (kept.length === batch.sequenceIds.length) return work;
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
  const rows = kept.reduce((sum, index) => sum + (lengths[index] as number), 0);
  const rowsOf = <Values extends Uint32Array | Float32Array>(values: Values, width: number, out: Values) => {
    let offset = 0;
    for (const index of kept) {
      const end = ends[index] as number;
      const slice = values.subarray((end - (lengths[index] as number)) * width, end * width);
      out.set(slice, offset);
      offset += slice.length;
    }
    return out;
  };
  if (input.kind === "tokens") {
    return { kind: "tokens", tokenIds: rowsOf(input.tokenIds, 1, new Uint32Array(rows)) };
  }
  const width = input.hidden.length / (ends.at(-1) ?? 1);
  return { kind: "hidden", hidden: rowsOf(input.hidden, width, new Float32Array(rows * width)) };
}
