import type { Tensor } from "onnxruntime-node";
import { topCount } from "../../../model/graph/stage-graph-io.js";
import type { Sampler } from "../../sampler/create-sampler.js";
import { type RowNeeds, rowNeeds, wholeLogits } from "../ort/row-needs.js";
import { type SampledRow, sampleOutputs } from "../ort/sample-rows.js";
import type { RaggedBatch, SampledToken, SequenceOpening } from "../stage-runner.js";
import { type Work, withoutSequences } from "../without-sequences.js";
import { UndecidedSequences } from "./undecided-sequences.js";

type Outputs = Readonly<Record<string, Tensor>>;

/** Chooses the tokens of micro-batches from as little of their logits as decides them. */
export class BatchSampler {
  readonly #sampler: Sampler;
  readonly #opening: (sequenceId: number) => SequenceOpening | undefined;
  readonly #undecided = new UndecidedSequences();

  constructor(sampler: Sampler, opening: (sequenceId: number) => SequenceOpening | undefined) {
    this.#sampler = sampler;
    this.#opening = opening;
  }

  /**
   * Tokens of the sampled slices, in order. Where a part of logits does not decide, these slices are computed again
   * for their logits: that writes the same into the same places of KV, but for rounding.
   * @param compute runs a micro-batch, whose sampled rows are these
   * @throws StagecoachError INTERNAL for logits that are not finite, and what `compute` and the sampler throw
   */
  async sample(
    work: Work,
    compute: (work: Work, rows: readonly SampledRow[]) => Promise<Outputs>,
  ): Promise<SampledToken[]> {
    const rows = this.#rows(work.batch);
    const tokens = sampleOutputs(await compute(work, rows), rows, this.#sampler);
    const open = rows.filter((_, index) => tokens[index] === undefined);
    for (const [index, { sequenceId, needs }] of rows.entries()) {
      if (needs.kind === "logits") this.#undecided.tookLogits(sequenceId);
      if (needs.kind === "part") this.#undecided.triedPart(sequenceId, tokens[index] !== undefined);
    }
    if (open.length > 0) {
      const again = open.map((row) => ({ ...row, needs: wholeLogits }));
      tokens.push(...sampleOutputs(await compute(onlyThese(work, open), again), again, this.#sampler));
    }
    return inOrderOf(rows, tokens);
  }

  close(sequenceIds: readonly number[]): void {
    this.#sampler.close(sequenceIds);
    this.#undecided.forget(sequenceIds);
  }

  #rows({ sequenceIds, contextLengths, lengths, sample }: RaggedBatch): SampledRow[] {
    return sequenceIds.flatMap((sequenceId, index) => {
      if (sample[index] !== true) return [];
      const position = (contextLengths[index] as number) + (lengths[index] as number);
      return [{ sequenceId, position, needs: this.#needs(sequenceId, position) }];
    });
  }

  #needs(sequenceId: number, position: number): RowNeeds {
    const opening = this.#opening(sequenceId);
    if (opening === undefined || this.#undecided.wantsLogits(sequenceId)) return wholeLogits;
    return rowNeeds(opening, position, topCount);
  }
}

function onlyThese(work: Work, rows: readonly SampledRow[]): Work {
  const others = new Set(work.batch.sequenceIds);
  for (const { sequenceId } of rows) others.delete(sequenceId);
  return withoutSequences(work, others);
}

function inOrderOf(
  rows: readonly SampledRow[],
  tokens: readonly (SampledToken | undefined)[],
): SampledToken[] {
  const bySequence = new Map(tokens.flatMap((token) => (token ? [[token.sequenceId, token] as const] : [])));
  return rows.flatMap(({ sequenceId }) => bySequence.get(sequenceId) ?? []);
}
