/** Few enough to sort without thinking. */
const fewValues = 64;
const cellCount = 256;
const cells = new Float64Array(cellCount);

/** Values between the ones that are certainly above a border and the ones that are certainly below it. */
export interface Narrowed {
  /** Ascending; a part of the room that was given. */
  readonly values: Float64Array;
  /** What the values above them weigh, summed in no particular order. */
  readonly above: number;
}

/**
 * Looks for the values at which the sum of weights, the largest values first, reaches `wanted`, without sorting all:
 * sums them by cells of equal width and goes on with the cell in which the border falls. Equal values stay together.
 *
 * @param values finite; changed
 * @param weigh above 0; the same for equal values
 */
export function narrowDown(values: Float64Array, wanted: number, weigh: (value: number) => number): Narrowed {
  let above = 0;
  let count = values.length;
  while (count > fewValues) {
    const { largest, perUnit } = rangeOf(values, count);
    cells.fill(0);
    for (let index = 0; index < count; index++) {
      const value = values[index] as number;
      const cell = ((largest - value) * perUnit) | 0;
      cells[cell] = (cells[cell] as number) + weigh(value);
    }
    const border = cellAt(wanted - above);
    above += border.before;
    const kept = keepCell(values, count, border.cell, largest, perUnit);
    // Equal values.
    if (kept === count) break;
    count = kept;
  }
  return { values: values.subarray(0, count).sort(), above };
}

/** The largest value, and how many cells there are for a distance of 1 from it. */
function rangeOf(values: Float64Array, count: number): { largest: number; perUnit: number } {
  let smallest = Number.POSITIVE_INFINITY;
  let largest = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < count; index++) {
    const value = values[index] as number;
    if (value < smallest) smallest = value;
    if (value > largest) largest = value;
  }
  return { largest, perUnit: (cellCount - 1) / (largest - smallest) };
}

/** The cell in which the sum reaches `wanted`, or the last one that holds anything, and the sum before it. */
function cellAt(wanted: number): { cell: number; before: number } {
  let found = 0;
  let before = 0;
  let sum = 0;
  for (let cell = 0; cell < cellCount && (sum < wanted || sum === 0); cell++) {
    if (cells[cell] === 0) continue;
    found = cell;
    before = sum;
    sum += cells[cell] as number;
  }
  return { cell: found, before };
}

/** Moves the values of a cell to the front; returns how many they are. */
function keepCell(
  values: Float64Array,
  count: number,
  cell: number,
  largest: number,
  perUnit: number,
): number {
  let kept = 0;
  for (let index = 0; index < count; index++) {
    const value = values[index] as number;
    if ((((largest - value) * perUnit) | 0) === cell) values[kept++] = value;
  }
  return kept;
}
