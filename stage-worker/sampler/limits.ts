import { expNegative } from "./exp-negative.js";
import { narrowDown } from "./narrow-down.js";

/** The least value that is kept, and how many candidates of exactly this value. */
export interface Limit {
  readonly value: number;
  readonly equals: number;
}

export const nothingLeftOut: Limit = { value: -Infinity, equals: 0 };

/** Up to this many are found faster in a heap than by narrowing down, which costs the same whatever their number. */
const heapSize = 1024;

/**
 * The `k` largest of all, without sorting a vocabulary.
 * @param room of as many values at least, for use in between
 */
export function limitOfBest(logits: Float32Array, k: number, room: Float64Array): Limit {
  if (k >= logits.length) return nothingLeftOut;
  return k <= heapSize ? limitByHeap(logits, k) : limitByCells(logits, k, room);
}

function limitByHeap(logits: Float32Array, k: number): Limit {
  const heap = logits.slice(0, k);
  for (let place = (k >> 1) - 1; place >= 0; place--) sink(heap, place, heap[place] as number);
  for (let id = k; id < logits.length; id++) {
    const logit = logits[id] as number;
    if (logit > (heap[0] as number)) sink(heap, 0, logit);
  }
  const value = heap[0] as number;
  let equals = 0;
  for (const kept of heap) if (kept === value) equals += 1;
  return { value, equals };
}

/** Puts a value where it belongs below `place`, the smallest on top. */
function sink(heap: Float32Array, place: number, value: number): void {
  let hole = place;
  for (;;) {
    let child = 2 * hole + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && (heap[child + 1] as number) < (heap[child] as number)) child += 1;
    if ((heap[child] as number) >= value) break;
    heap[hole] = heap[child] as number;
    hole = child;
  }
  heap[hole] = value;
}

function limitByCells(logits: Float32Array, k: number, room: Float64Array): Limit {
  let count = 0;
  // Tokens that are ruled out have no distance to others; whether they are kept does not matter.
  for (let id = 0; id < logits.length; id++) {
    if (logits[id] !== -Infinity) room[count++] = logits[id] as number;
  }
  if (count <= k) return nothingLeftOut;
  const { values, above } = narrowDown(room.subarray(0, count), k, () => 1);
  return limitAt(values, values.length - (k - above));
}

/** Two sums of the same positive numbers in different orders differ by less than this share, up to 4 million. */
const roundingShare = 1e-9;

/**
 * The fewest largest exponents whose weights `exp(exponent)`, summed from the largest on, are at least `wanted`. They
 * are summed in another order first, and sorted only where the difference could matter.
 *
 * @param fill gives the exponents; may use the same room each time
 */
export function limitOfShare(fill: () => Float64Array, wanted: number): Limit {
  const { values, above } = narrowDown(fill(), wanted, expNegative);
  if (values.length === 0) return nothingLeftOut;
  const border = borderIn(values, above, wanted);
  const slack = wanted * roundingShare;
  const isFirst = above === 0 && border.place === values.length - 1;
  const isSure = border.mass > wanted + slack && (isFirst || border.before < wanted - slack);
  if (isSure) return limitAt(values, border.place);
  const sorted = fill().sort();
  return limitAt(sorted, borderIn(sorted, 0, wanted).place);
}

/** Where the sum of weights from the end of ascending exponents reaches `wanted`, and what it is before and with it. */
function borderIn(
  ascending: Float64Array,
  above: number,
  wanted: number,
): { place: number; before: number; mass: number } {
  let place = ascending.length - 1;
  let before = above;
  let mass = above + expNegative(ascending[place] as number);
  while (mass < wanted && place > 0) {
    place -= 1;
    before = mass;
    mass += expNegative(ascending[place] as number);
  }
  return { place, before, mass };
}

/** All from `place` on are kept. */
function limitAt(ascending: Float64Array, place: number): Limit {
  const value = ascending[place] as number;
  let equals = 0;
  for (let index = place; index < ascending.length && ascending[index] === value; index++) equals += 1;
  return { value, equals };
}
