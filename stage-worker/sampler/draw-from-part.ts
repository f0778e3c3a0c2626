import type { SamplingParameters } from "../engine/stage-runner.js";
import { bucketOf, type Candidates, fillFromBest } from "./candidates.js";
import { candidateAt, drawByBucket, drawById } from "./draw-candidate.js";
import { expNegative, negligibleExponent } from "./exp-negative.js";
import { type BestTokens, type RowPart, totalWeight } from "./row-part.js";

/**
 * The token that a random number in [0, 1) draws from all logits, as far as the sums' f32 tells; undefined where the
 * part does not decide: top-p or min-p let in more than the best tokens that are known.
 *
 * @param candidates room that is used again
 */
export function drawFromPart(
  candidates: Candidates,
  sampling: SamplingParameters,
  part: RowPart,
  random: number,
): number | undefined {
  const { temperature, topK, topP, minP } = sampling;
  const { top } = part;
  if (temperature === 0) return part.bestToken;
  if (topK === 0 && topP === 1 && minP === 0) return drawFromRun(part, temperature, random);
  return top && drawFromBest(candidates, sampling, part, top, random);
}

function drawFromBest(
  candidates: Candidates,
  sampling: SamplingParameters,
  part: RowPart,
  top: BestTokens,
  random: number,
): number | undefined {
  const { temperature, topP } = sampling;
  const count = keptCount(sampling, part, top, candidates.ids.length);
  if (count === undefined) return drawFromLikeliest(candidates, sampling, part, top, random);
  fillFromBest(candidates, top.tokens, top.logits, temperature, count);
  return topP < 1 ? drawByBucket(candidates, random) : drawById(candidates, random);
}

/**
 * Top-p that lets in more than is known lets in so much of the total, and less than the last that is known beyond it.
 * Where the random number falls on the same token either way, and that one is in a bucket that is known to its end,
 * it is drawn; mostly it is.
 */
function drawFromLikeliest(
  candidates: Candidates,
  { temperature, topK, topP, minP }: SamplingParameters,
  part: RowPart,
  { tokens, logits }: BestTokens,
  random: number,
): number | undefined {
  const total = totalWeight(part, temperature);
  if (total === undefined || topK > 0 || topP === 1 || minP > 0) return undefined;
  const exponents = Array.from(logits, (logit) => (logit - part.largest) * (1 / temperature));
  const last = exponents.at(-1) as number;
  const known = exponents.findIndex((exponent) => bucketOf(exponent) === bucketOf(last));
  fillFromBest(candidates, tokens, logits, temperature, known);
  const mass = sumOf(Array.from(candidates.weights.subarray(0, candidates.count)));
  const [least, most] = [random * topP * total, random * (topP * total + weightOf(last))];
  if (most >= mass) return undefined;
  const tokenId = candidateAt(candidates, least);
  return tokenId === candidateAt(candidates, most) ? tokenId : undefined;
}

/** Walks ids upwards, as `drawById` does, from the run that the GPU found. */
function drawFromRun(part: RowPart, temperature: number, random: number): number | undefined {
  const sums = part.sums.find((candidate) => candidate.temperature === temperature);
  if (sums === undefined) return undefined;
  const { running, run, logits } = sums;
  const target = random * (running.at(-1) as number) - (run > 0 ? (running[run - 1] as number) : 0);
  let sum = 0;
  let last = -1;
  for (let place = 0; place < logits.length; place++) {
    const exponent = ((logits[place] as number) - part.largest) / temperature;
    if (exponent < negligibleExponent) continue;
    last = place;
    sum += expNegative(exponent);
    if (sum > target) break;
  }
  return last < 0 ? undefined : run * logits.length + last;
}

/** How many of the best tokens top-k, top-p and min-p leave; undefined where that may be more than are known. */
function keptCount(
  { temperature, topK, topP, minP }: SamplingParameters,
  part: RowPart,
  { logits }: BestTokens,
  vocabularySize: number,
): number | undefined {
  const inTopK =
    topK > 0 && topK <= logits.length ? topK : logits.length === vocabularySize ? vocabularySize : undefined;
  if (inTopK !== undefined && topP === 1 && minP === 0) return inTopK;
  const inverse = 1 / temperature;
  const weights = new Float64Array(inTopK ?? logits.length);
  let sum = 0;
  for (let place = 0; place < weights.length; place++) {
    const weight = weightOf(((logits[place] as number) - part.largest) * inverse);
    weights[place] = weight;
    sum += weight;
  }
  const total = inTopK === undefined ? totalWeight(part, temperature) : sum;
  const wanted = topP < 1 && total !== undefined ? topP * total : Number.POSITIVE_INFINITY;
  let mass = 0;
  for (const [place, weight] of weights.entries()) {
    if (weight < minP) return place;
    mass += weight;
    if (mass >= wanted) return place + 1;
  }
  return inTopK;
}

function weightOf(exponent: number): number {
  return exponent < negligibleExponent ? 0 : expNegative(exponent);
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
