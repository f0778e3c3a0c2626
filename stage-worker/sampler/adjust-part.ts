import { adjustLogits } from "./adjust-logits.js";
import type { SampledSequence } from "./open-sequence.js";
import type { RowPart } from "./row-part.js";

/**
 * A part with its best tokens in their order after bias, suppressed tokens and penalties, where these only lower
 * logits: no other token can then be above what the last of the best had before, so those that stay above it are
 * still the best. Sums are gone.
 *
 * @param room f32 `[vocabularySize]`, for use in between
 * @returns undefined where none stays
 */
export function adjustPart(
  sequence: SampledSequence,
  { top }: RowPart,
  generatedLength: number,
  room: Float32Array,
): RowPart | undefined {
  if (top === undefined) return undefined;
  const { tokens, logits } = top;
  for (let place = 0; place < tokens.length; place++) room[tokens[place] as number] = logits[place] as number;
  adjustLogits(sequence, room, generatedLength);
  const bound = tokens.length < room.length ? (logits[logits.length - 1] as number) : -Infinity;
  const left = Array.from(tokens, (token) => ({ token, logit: room[token] as number }))
    .filter(({ logit }) => logit > bound)
    .sort((one, other) => other.logit - one.logit || one.token - other.token);
  const [best] = left;
  if (best === undefined) return undefined;
  return {
    bestToken: best.token,
    largest: best.logit,
    top: { tokens: left.map(({ token }) => token), logits: left.map(({ logit }) => logit) },
    sums: [],
  };
}
