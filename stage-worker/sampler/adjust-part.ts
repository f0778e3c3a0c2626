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
  { top: best }: RowPart,
  generatedLength: number,
  room: Float32Array,
): RowPart | undefined {
  if (best === undefined) return undefined;
  const { tokens, logits } = best;
  for (let place = 0; place < tokens.length; place++) room[tokens[place] as number] = logits[place] as number;
  adjustLogits(sequence, room, generatedLength);
  const bound = tokens.length < room.length ? (logits[logits.length - 1] as number) : -Infinity;
  const left = { tokens: new Int32Array(tokens.length), logits: new Float32Array(tokens.length) };
  let count = 0;
  for (let place = 0; place < tokens.length; place++) {
    const token = tokens[place] as number;
    const logit = room[token] as number;
    if (logit > bound) insert(left, count++, token, logit);
  }
  if (count === 0) return undefined;
  const top = { tokens: left.tokens.subarray(0, count), logits: left.logits.subarray(0, count) };
  return { bestToken: top.tokens[0] as number, largest: top.logits[0] as number, top, sums: [] };
}

/** Puts a token among the first `count`, which are in order: mostly near their end. */
function insert(
  { tokens, logits }: { readonly tokens: Int32Array; readonly logits: Float32Array },
  count: number,
  token: number,
  logit: number,
): void {
  let place = count;
  for (; place > 0; place--) {
    const [before, id] = [logits[place - 1] as number, tokens[place - 1] as number];
    if (before > logit || (before === logit && id < token)) break;
    logits[place] = before;
    tokens[place] = id;
  }
  logits[place] = logit;
  tokens[place] = token;
}
