import { StagecoachError } from "../../common/errors.js";
import { sampledToken } from "../../common/frame-codec.js";
import type { RaggedBatch, SequenceClosing, StageInput, StageOutput } from "./stage-runner.js";

/**
 * The tokens that a stage sampled last, for steps that were sent before the coordinator knew them: such a step
 * says `sampledToken`, and the stage, which both begins and ends the model, puts in its own.
 */
export class OwnTokens {
  readonly #bySequence = new Map<number, number>();

  /** Notes what was sampled. */
  remember(output: StageOutput): void {
    if (output.kind !== "tokens") return;
    for (const { sequenceId, tokenId } of output.tokens) this.#bySequence.set(sequenceId, tokenId);
  }

  /**
   * The same input with every token known.
   * @throws StagecoachError FAILED_PRECONDITION for a sequence of which nothing was sampled here
   */
  fill({ sequenceIds, lengths }: RaggedBatch, input: StageInput): StageInput {
    if (input.kind !== "tokens" || !input.tokenIds.includes(sampledToken)) return input;
    const tokenIds = input.tokenIds.slice();
    let at = 0;
    for (const [index, sequenceId] of sequenceIds.entries()) {
      if (tokenIds[at] === sampledToken) tokenIds[at] = this.#last(sequenceId);
      at += lengths[index] as number;
    }
    return { kind: "tokens", tokenIds };
  }

  forget(closings: readonly SequenceClosing[]): void {
    for (const { sequenceId } of closings) this.#bySequence.delete(sequenceId);
  }

  #last(sequenceId: number): number {
    const tokenId = this.#bySequence.get(sequenceId);
    if (tokenId !== undefined) return tokenId;
    throw new StagecoachError(
      "FAILED_PRECONDITION",
      `sequence ${sequenceId} is to go on from its last token, and none was sampled here`,
    );
  }
}
