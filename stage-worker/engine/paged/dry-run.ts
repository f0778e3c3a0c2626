import { newActivation } from "../../../common/tensor.js";
import { tokenCount } from "../check-input.js";
import { type RowNeeds, wholeLogits } from "../ort/row-needs.js";
import type { SampledRow } from "../ort/sample-rows.js";
import type { RaggedBatch, RunnerOptions, StageInput } from "../stage-runner.js";

const defaultBatchTokens = 512;
const wholePart: RowNeeds = { kind: "part", top: true, temperatures: [0.5, 1], random: 0.5 };

/**
 * The micro-batches that need most memory: as many decoding rows as there may be sequences, all sampled, beside a chunk
 * of what is left of a micro-batch, and such rows alone, which attention computes another way. All end where the
 * longest sequence does. Of sequences that nobody opened.
 * @param longest tokens of the longest sequence
 */
export function largestBatches(options: RunnerOptions, longest: number): RaggedBatch[] {
  const { maxSequences, maxBatchTokens = defaultBatchTokens } = options;
  const rows = Math.min(maxSequences, maxBatchTokens);
  const chunk = Math.min(maxBatchTokens - (rows - 1), longest);
  const mixed = [...Array.from({ length: rows - 1 }, () => 1), chunk];
  return [mixed, Array.from({ length: rows }, () => 1)].map((lengths) => ({
    lane: 0,
    sequenceIds: [...lengths.keys()],
    contextLengths: lengths.map((length) => longest - length),
    lengths,
    sample: lengths.map(() => true),
    newBlocks: lengths.map(() => []),
  }));
}

/** The ways of sampling all slices of a batch that need most memory: from whole logits, and from all that a part has. */
export function neediestRows({ sequenceIds }: RaggedBatch): SampledRow[][] {
  return [wholeLogits, wholePart].map((needs) =>
    sequenceIds.map((sequenceId) => ({ sequenceId, position: 1, needs })),
  );
}

/** Something for a stage to compute such a batch from: token 0, or zeros. */
export function anyInput(options: RunnerOptions, batch: RaggedBatch): StageInput {
  const { embedding, manifest, activationDtype = "FLOAT32" } = options;
  const tokens = tokenCount(batch);
  if (embedding) return { kind: "tokens", tokenIds: new Uint32Array(tokens) };
  return { kind: "hidden", ...newActivation(activationDtype, tokens, manifest.config.hiddenSize) };
}
