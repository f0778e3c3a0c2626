import { StagecoachError } from "../../common/errors.js";
import { sampledToken } from "../../common/frame-codec.js";
import type { SampledToken } from "../../common/token-codec.js";
import type { RaggedBatch, SequenceClosing, StageInput } from "./stage-runner.js";

/**
 * The tokens that sequences sampled last, for steps that were sent before the coordinator knew them: such a step
 * says `sampledToken`, and the first stage puts the token in. It is the stage's own where it also ends the model.
 * Otherwise the last stage sends it straight here, and a step may have to wait for it.
 */
export class SampledTokens {
  readonly #bySequence = new Map<number, number>();
  /** Whose tokens are to come, of each step that was passed on, first sent first; none where they are the stage's own. */
  #awaited: Set<number>[] | undefined;

  /** From here on each step that is passed on is answered by `arrived`. */
  follow(): void {
    this.#awaited ??= [];
  }

  /** Notes what was sampled here. */
  remember(tokens: readonly SampledToken[]): void {
    for (const { sequenceId, tokenId } of tokens) this.#bySequence.set(sequenceId, tokenId);
  }

  /** A step is about to be passed on, whole or in part. */
  passedOn({ sequenceIds, sample }: RaggedBatch): void {
    if (this.#awaited === undefined) return;
    const sampled = sequenceIds.filter((_, index) => sample[index]);
    for (const sequenceId of sampled) this.#bySequence.delete(sequenceId);
    this.#awaited.push(new Set(sampled));
  }

  /**
   * Notes what the last stage sampled in the first step that it has not answered yet.
   * @returns the sequences that were to get a token and did not: they failed somewhere
   * @throws StagecoachError FAILED_PRECONDITION when all steps are answered
   */
  arrived(tokens: readonly SampledToken[]): readonly number[] {
    const awaited = this.#awaited?.shift();
    if (awaited === undefined) {
      throw new StagecoachError("FAILED_PRECONDITION", "tokens came from the last stage for no step");
    }
    for (const token of tokens) {
      // Those of sequences that are closed by now are nobody's.
      if (awaited.delete(token.sequenceId)) this.remember([token]);
    }
    return [...awaited];
  }

  /** Whether every token that a step goes on from is here, or will not come. */
  has({ sequenceIds, lengths }: RaggedBatch, input: StageInput): boolean {
    const tokenIds = this.#awaited?.length ? unknownIds(input) : undefined;
    if (tokenIds === undefined) return true;
    let at = 0;
    return sequenceIds.every((sequenceId, index) => {
      const ahead = tokenIds[at] === sampledToken;
      at += lengths[index] as number;
      return !ahead || !this.#isAwaited(sequenceId);
    });
  }

  /**
   * The same input with every token known.
   * @throws StagecoachError FAILED_PRECONDITION for a sequence of which nothing was sampled
   */
  fill({ sequenceIds, lengths }: RaggedBatch, input: StageInput): StageInput {
    const tokenIds = unknownIds(input)?.slice();
    if (tokenIds === undefined) return input;
    let at = 0;
    for (const [index, sequenceId] of sequenceIds.entries()) {
      if (tokenIds[at] === sampledToken) tokenIds[at] = this.#last(sequenceId);
      at += lengths[index] as number;
    }
    return { kind: "tokens", tokenIds };
  }

  forget(closings: readonly SequenceClosing[]): void {
    for (const { sequenceId } of closings) {
      this.#bySequence.delete(sequenceId);
      for (const step of this.#awaited ?? []) step.delete(sequenceId);
    }
  }

  #isAwaited(sequenceId: number): boolean {
    return this.#awaited?.some((step) => step.has(sequenceId)) ?? false;
  }

  #last(sequenceId: number): number {
    const tokenId = this.#bySequence.get(sequenceId);
    if (tokenId !== undefined) return tokenId;
    throw new StagecoachError(
      "FAILED_PRECONDITION",
      `sequence ${sequenceId} is to go on from its last token, and none was sampled that is known here`,
    );
  }
}

/** Token ids of which some are yet to be put in. */
function unknownIds(input: StageInput): Uint32Array | undefined {
  return input.kind === "tokens" && input.tokenIds.includes(sampledToken) ? input.tokenIds : undefined;
}
