import { expNegative, negligibleExponent } from "./exp-negative.js";
import { knownLogit, type RowPart, totalWeight } from "./row-part.js";

/** Natural log-probabilities of one distribution. */
export interface LogProbabilities {
  of(tokenId: number): number;
  /** The best tokens, best first, lower ids first among equals. */
  top(count: number): { tokenId: number; logprob: number }[];
}

/**
 * @param logits f32, finite; must stay as they are while the result is used
 * @param largest the largest of them
 */
export function logProbabilities(logits: Float32Array, largest: number): LogProbabilities {
  let sum = 0;
  for (let id = 0; id < logits.length; id++) {
    const exponent = (logits[id] as number) - largest;
    if (exponent >= negligibleExponent) sum += expNegative(exponent);
  }
  const logOfSum = largest + Math.log(sum);
  const of = (tokenId: number): number => (logits[tokenId] as number) - logOfSum;
  return {
    of,
    top: (count) => bestIds(logits, count).map((tokenId) => ({ tokenId, logprob: of(tokenId) })),
  };
}

/**
 * As `logProbabilities`, of the tokens that a part knows; NaN for others.
 * @returns undefined where weights were not summed at temperature 1
 */
export function partLogProbabilities(part: RowPart): LogProbabilities | undefined {
  const sum = totalWeight(part, 1);
  if (sum === undefined) return undefined;
  const logOfSum = part.largest + Math.log(sum);
  const { tokens = [], logits = [] } = part.top ?? {};
  return {
    of: (tokenId) => (knownLogit(part, tokenId) ?? Number.NaN) - logOfSum,
    top: (count) =>
      Array.from({ length: Math.min(count, tokens.length) }, (_, place) => ({
        tokenId: tokens[place] as number,
        logprob: (logits[place] as number) - logOfSum,
      })),
  };
}

/** By insertion: counts are small, and few logits get past the last of the best. */
function bestIds(logits: Float32Array, count: number): number[] {
  const best: number[] = [];
  if (count === 0) return best;
  let worst = -Infinity;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] as number;
    if (best.length === count && logit <= worst) continue;
    if (best.length === count) best.pop();
    let place = best.length;
    while (place > 0 && (logits[best[place - 1] as number] as number) < logit) place -= 1;
    best.splice(place, 0, id);
    worst = logits[best.at(-1) as number] as number;
  }
  return best;
}
