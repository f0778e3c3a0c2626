import { StagecoachError } from "../../common/errors.js";

/**
 * Multiplies each run of `size` values, in place, by a fixed matrix that is orthogonal, symmetric and so its own
 * inverse, and that spreads every value evenly over its run. It is the Kronecker product of a discrete Hartley
 * transform of the size's odd part with a Hadamard transform (Sylvester's) of its power of two.
 *
 * The idea of taking outliers out of a model's activations by such rotations is QuaRot's (Ashkboos et al., 2024).
 * @throws StagecoachError INVALID_ARGUMENT when the values are no whole number of runs.
 */
export function mixRuns(values: Float32Array, size: number): void {
  const power = largestPowerOfTwo(size);
  hartleyRuns(values, size / power, power);
  hadamardRuns(values, power);
}

/**
 * As `mixRuns`, by a Hadamard transform alone; `size` is a power of two.
 * @throws StagecoachError INVALID_ARGUMENT when the values are no whole number of runs.
 */
export function hadamardRuns(values: Float32Array, size: number): void {
  checkRuns(values.length, size);
  if (size === 1) return;
  for (let half = 1; half < size; half *= 2) {
    for (let start = 0; start < values.length; start += 2 * half) {
      for (let i = start; i < start + half; i++) {
        const a = values[i] as number;
        const b = values[i + half] as number;
        values[i] = a + b;
        values[i + half] = a - b;
      }
    }
  }
  const norm = 1 / Math.sqrt(size);
  for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) * norm;
}

/** The largest power of two that divides `size`. */
export function largestPowerOfTwo(size: number): number {
  return size & -size;
}

/** Transforms groups of `size` values that lie `stride` apart. */
function hartleyRuns(values: Float32Array, size: number, stride: number): void {
  checkRuns(values.length, size * stride);
  if (size === 1) return;
  const matrix = hartleyMatrix(size);
  const before = new Float64Array(size);
  for (let start = 0; start < values.length; start += size * stride) {
    for (let first = start; first < start + stride; first++) {
      for (let i = 0; i < size; i++) before[i] = values[first + i * stride] as number;
      for (let row = 0; row < size; row++) {
        let sum = 0;
        for (let i = 0; i < size; i++) sum += (matrix[row * size + i] as number) * (before[i] as number);
        values[first + row * stride] = sum;
      }
    }
  }
}

/** `cas(2π·row·column / size) / √size`. */
function hartleyMatrix(size: number): Float64Array {
  return Float64Array.from({ length: size * size }, (_, i) => {
    const angle = (2 * Math.PI * ((Math.floor(i / size) * (i % size)) % size)) / size;
    return (Math.cos(angle) + Math.sin(angle)) / Math.sqrt(size);
  });
}

function checkRuns(length: number, size: number): void {
  if (Number.isInteger(size) && size > 0 && length % size === 0) return;
  throw new StagecoachError("INVALID_ARGUMENT", `${length} values are not made of runs of ${size}`);
}
