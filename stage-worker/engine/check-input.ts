import { StagecoachError } from "../../common/errors.js";
import type { ActivationDtype } from "../../common/tensor.js";
import type { RaggedBatch, StageInput } from "./stage-runner.js";

/** What a stage takes, and sizes to hold it to. */
export interface InputShape {
  /** Token ids rather than hidden states. */
  readonly embedding: boolean;
  readonly hiddenSize: number;
  readonly vocabularySize: number;
  /** What hidden states must be. Defaults to FLOAT32. */
  readonly activationDtype?: ActivationDtype | undefined;
}

/**
 * Refuses an input that is not what the batch and the stage call for.
 * @throws StagecoachError INTERNAL naming the batch's sequences.
 */
export function checkInput(batch: RaggedBatch, input: StageInput, model: InputShape): void {
  const tokens = tokenCount(batch);
  const ids = batch.sequenceIds.join(", ");
  const wanted = model.embedding ? "tokens" : "hidden";
  if (input.kind !== wanted) {
    throw new StagecoachError(
      "INTERNAL",
      `sequences ${ids} came as ${input.kind}; this stage takes ${wanted}`,
    );
  }
  const { activationDtype = "FLOAT32" } = model;
  if (input.kind === "hidden" && input.dtype !== activationDtype) {
    throw new StagecoachError(
      "INTERNAL",
      `sequences ${ids} came as ${input.dtype}; this stage was loaded for ${activationDtype}`,
    );
  }
  const [count, expected] =
    input.kind === "tokens"
      ? [input.tokenIds.length, tokens]
      : [input.data.length, tokens * model.hiddenSize];
  if (count !== expected) {
    throw new StagecoachError(
      "INTERNAL",
      `sequences ${ids} came with ${count} ${wanted} values, not ${expected}`,
    );
  }
  const alien =
    input.kind === "tokens" ? input.tokenIds.find((tokenId) => tokenId >= model.vocabularySize) : undefined;
  if (alien !== undefined) {
    throw new StagecoachError(
      "INTERNAL",
      `sequences ${ids} have token ${alien}; there are ${model.vocabularySize}`,
    );
  }
}

/** Tokens of a batch. */
export function tokenCount(batch: RaggedBatch): number {
  return batch.lengths.reduce((sum, length) => sum + length, 0);
}
