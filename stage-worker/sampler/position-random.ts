const rounds = 10;
const multiplierA = 0xd2511f53;
const multiplierB = 0xcd9e8d57;
const weylA = 0x9e3779b9;
const weylB = 0xbb67ae85;

/**
 * A number in [0, 1) with 53 random bits that depends on seed and position alone, so that a sequence that is
 * computed again after a failure, or in other company, is sampled the same way.
 *
 * @param seed integer in [0, 2^53)
 * @param position the new token's place in its sequence
 */
export function positionRandom(seed: number, position: number): number {
  const [high, low] = philox([position >>> 0, 0, 0, 0], [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0]);
  return ((high >>> 5) * 2 ** 26 + (low >>> 6)) / 2 ** 53;
}

type Words4 = [number, number, number, number];

/** Philox4x32-10 (Salmon et al., 2011): four random words for a counter under a key, in 32-bit arithmetic. */
export function philox(counter: Readonly<Words4>, key: readonly [number, number]): Words4 {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < rounds; round++) {
    const highA = multiplyHigh(multiplierA, c0);
    const lowA = Math.imul(multiplierA, c0) >>> 0;
    const highB = multiplyHigh(multiplierB, c2);
    const lowB = Math.imul(multiplierB, c2) >>> 0;
    c0 = (highB ^ c1 ^ k0) >>> 0;
    c1 = lowB;
    c2 = (highA ^ c3 ^ k1) >>> 0;
    c3 = lowA;
    k0 = (k0 + weylA) >>> 0;
    k1 = (k1 + weylB) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/** The upper 32 bits of the product of two words, from products of halves that a number holds exactly. */
function multiplyHigh(left: number, right: number): number {
  const leftLow = left & 0xffff;
  const leftHigh = left >>> 16;
  const rightLow = right & 0xffff;
  const rightHigh = right >>> 16;
  const low = leftLow * rightLow;
  const middle = leftHigh * rightLow + Math.floor(low / 0x10000);
  const cross = leftLow * rightHigh + (middle % 0x10000);
  return (leftHigh * rightHigh + Math.floor(middle / 0x10000) + Math.floor(cross / 0x10000)) >>> 0;
}
