import { bucketCount, bucketMasses, bucketOf, type Candidates } from "./candidates.js";

/** The candidate that a random number in [0, 1) falls on, in order of their ids; shares are as large as weights. */
export function drawById({ ids, weights, count }: Candidates, random: number): number {
  let total = 0;
  for (let index = 0; index < count; index++) total += weights[index] as number;
  const target = random * total;
  let sum = 0;
  for (let index = 0; index < count; index++) {
    sum += weights[index] as number;
    if (sum > target) return ids[index] as number;
  }
  return ids[count - 1] as number;
}

/**
 * As `drawById`, in order of buckets, the likeliest first, and of ids within a bucket: so who knows the likeliest
 * tokens alone can tell what most random numbers draw.
 */
export function drawByBucket(candidates: Candidates, random: number): number {
  const { masses, total } = bucketMasses(candidates);
  return candidateAt(candidates, random * total, masses);
}

/** The candidate at which the sum of weights exceeds `target`, in the order of `drawByBucket`. `masses`: of its buckets. */
export function candidateAt(
  candidates: Candidates,
  target: number,
  masses: Float64Array = bucketMasses(candidates).masses,
): number {
  let bucket = 0;
  let before = 0;
  let end = 0;
  for (let index = 0; index < bucketCount && end <= target; index++) {
    const mass = masses[index] as number;
    if (mass === 0) continue;
    bucket = index;
    before = end;
    end += mass;
  }
  const { ids, exponents, weights, count } = candidates;
  let sum = before;
  let found = 0;
  for (let index = 0; index < count && sum <= target; index++) {
    if (bucketOf(exponents[index] as number) !== bucket) continue;
    found = ids[index] as number;
    sum += weights[index] as number;
  }
  return found;
}
