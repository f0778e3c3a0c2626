import { expNegative, negligibleExponent } from "./exp-negative.js";
import { type Limit, limitOfBest, limitOfShare, nothingLeftOut } from "./limits.js";

/** Tokens that may be drawn: ids ascending, with their exponents `(logit - largest) / temperature` and weights. */
export interface Candidates {
  readonly ids: Int32Array;
  /** Zero for the best, down to `negligibleExponent`. */
  readonly exponents: Float64Array;
  /** `exp(exponent)`. */
  readonly weights: Float64Array;
  /** For use in between. */
  readonly room: Float64Array;
  count: number;
}

/** Room for candidates of a vocabulary; used again for every token. */
export function createCandidates(vocabularySize: number): Candidates {
  return {
    ids: new Int32Array(vocabularySize),
    exponents: new Float64Array(vocabularySize),
    weights: new Float64Array(vocabularySize),
    room: new Float64Array(vocabularySize),
    count: 0,
  };
}

/**
 * Fills in every token whose weight is not negligible or, where `topK` is not 0, of the best `topK`; of equals at
 * the limit those with the lower ids.
 *
 * @param logits f32 `[vocabularySize]`
 * @param largest the largest of them
 * @param leastWeight candidates that weigh clearly less are not wanted; 0 for none
 */
export function fillCandidates(
  candidates: Candidates,
  logits: Float32Array,
  largest: number,
  temperature: number,
  topK: number,
  leastWeight: number,
): void {
  const { ids, exponents, weights } = candidates;
  // A little lower than asked for, so that rounding leaves none out.
  const leastExponent = Math.max(negligibleExponent, Math.log(leastWeight) - 1e-9);
  const limit = topK > 0 ? limitOfBest(logits, topK, candidates.room) : nothingLeftOut;
  const inverse = 1 / temperature;
  let equals = limit.equals;
  let count = 0;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] as number;
    if (logit < limit.value || (logit === limit.value && equals-- <= 0)) continue;
    const exponent = logit === largest ? 0 : (logit - largest) * inverse;
    if (exponent < leastExponent) continue;
    ids[count] = id;
    exponents[count] = exponent;
    weights[count] = expNegative(exponent);
    count += 1;
  }
  candidates.count = count;
}

/**
 * As `fillCandidates` for the best `count`, where the best tokens are known already.
 *
 * @param tokens at least `count`, the best first, of equals the lower ids first
 * @param logits theirs
 */
export function fillFromBest(
  candidates: Candidates,
  tokens: ArrayLike<number>,
  logits: ArrayLike<number>,
  temperature: number,
  count: number,
): void {
  const { ids, exponents, weights } = candidates;
  const largest = logits[0] as number;
  const inverse = 1 / temperature;
  // Ids with their places, in a form that a typed array sorts without calling a function.
  const inAscent = new Float64Array(count);
  for (let place = 0; place < count; place++) inAscent[place] = (tokens[place] as number) * count + place;
  inAscent.sort();
  let filled = 0;
  for (const key of inAscent) {
    const place = key % count;
    const exponent = ((logits[place] as number) - largest) * inverse;
    if (exponent < negligibleExponent) continue;
    ids[filled] = tokens[place] as number;
    exponents[filled] = exponent;
    weights[filled] = expNegative(exponent);
    filled += 1;
  }
  candidates.count = filled;
}

const bucketsPerUnit = 16;
export const bucketCount = -negligibleExponent * bucketsPerUnit + 1;

/**
 * Keeps the fewest best candidates whose weights are at least `topP` of all (nucleus sampling, Holtzman et al.,
 * 2020). Looks only into the bucket of exponents where the limit falls.
 */
export function keepTopP(candidates: Candidates, topP: number): void {
  const { masses, total } = bucketMasses(candidates);
  const wanted = topP * total;
  let mass = 0;
  let bucket = 0;
  while (bucket < bucketCount - 1 && mass + (masses[bucket] as number) < wanted) {
    mass += masses[bucket] as number;
    bucket += 1;
  }
  const inBucket = bucket;
  keep(
    candidates,
    limitOfShare(() => exponentsOf(candidates, inBucket), wanted - mass),
  );
}

/** Weights of each bucket, and of all. */
export function bucketMasses({ exponents, weights, count }: Candidates): {
  masses: Float64Array;
  total: number;
} {
  const masses = new Float64Array(bucketCount);
  let total = 0;
  for (let index = 0; index < count; index++) {
    const weight = weights[index] as number;
    const bucket = bucketOf(exponents[index] as number);
    masses[bucket] = (masses[bucket] as number) + weight;
    total += weight;
  }
  return { masses, total };
}

/** Tokens are as likely as others of their bucket, roughly; 0 is that of the best. */
export function bucketOf(exponent: number): number {
  return (-exponent * bucketsPerUnit) | 0;
}

/** The exponents of a bucket's candidates, in room that is used again. */
function exponentsOf({ exponents, count, room }: Candidates, bucket: number): Float64Array {
  let found = 0;
  for (let index = 0; index < count; index++) {
    const exponent = exponents[index] as number;
    if (bucketOf(exponent) === bucket) room[found++] = exponent;
  }
  return room.subarray(0, found);
}

/** Keeps candidates at least `minP` times as likely as the best. */
export function keepMinP(candidates: Candidates, minP: number): void {
  const { weights, ids, exponents } = candidates;
  let kept = 0;
  for (let index = 0; index < candidates.count; index++) {
    if ((weights[index] as number) < minP) continue;
    move(ids, exponents, weights, index, kept++);
  }
  candidates.count = kept;
}

function keep(candidates: Candidates, limit: Limit): void {
  const { ids, exponents, weights } = candidates;
  let equals = limit.equals;
  let kept = 0;
  for (let index = 0; index < candidates.count; index++) {
    const exponent = exponents[index] as number;
    if (exponent < limit.value || (exponent === limit.value && equals-- <= 0)) continue;
    move(ids, exponents, weights, index, kept++);
  }
  candidates.count = kept;
}

function move(
  ids: Int32Array,
  exponents: Float64Array,
  weights: Float64Array,
  from: number,
  to: number,
): void {
  ids[to] = ids[from] as number;
  exponents[to] = exponents[from] as number;
  weights[to] = weights[from] as number;
}
