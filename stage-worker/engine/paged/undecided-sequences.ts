/** Tokens for which logits are taken from the start, at most, before a part is tried again. */
const longestStay = 64;

/**
 * Sequences whose tokens parts of logits did not decide. A step that has to be computed again costs as much as one
 * more, so such a sequence takes whole logits for its next token; for twice as many each time that a part fails again
 * without having decided in between.
 */
export class UndecidedSequences {
  readonly #sequences = new Map<number, { stay: number; left: number }>();

  /** Whether a sequence's next token takes whole logits. */
  wantsLogits(sequenceId: number): boolean {
    return (this.#sequences.get(sequenceId)?.left ?? 0) > 0;
  }

  /** A token was chosen from whole logits, perhaps because `wantsLogits` said so. */
  tookLogits(sequenceId: number): void {
    const sequence = this.#sequences.get(sequenceId);
    if (sequence !== undefined && sequence.left > 0) sequence.left -= 1;
  }

  /** A part decided a token or did not. */
  triedPart(sequenceId: number, decided: boolean): void {
    const { stay } = this.#sequences.get(sequenceId) ?? { stay: 0 };
    if (decided) this.#sequences.delete(sequenceId);
    else {
      const longer = Math.min(longestStay, Math.max(1, 2 * stay));
      this.#sequences.set(sequenceId, { stay: longer, left: longer });
    }
  }

  forget(sequenceIds: readonly number[]): void {
    for (const sequenceId of sequenceIds) this.#sequences.delete(sequenceId);
  }
}
