import type { MatrixProduct } from "./matrix-product.js";

/** Columns that are computed together: their small part in loops, their large one as a matrix product. */
const blockSize = 64;

/**
 * The triangular factor of a damped Gram matrix: R, upper triangular, with `R · Rᵀ = gram + damping · mean(diagonal) · I`.
 * Returned transposed, `[size, size]` f32, so that row j is R's column j; its upper part is zero.
 *
 * @returns undefined when rounding made the matrix indefinite: then it needs more damping.
 */
export async function factorGram(
  gram: Float32Array,
  size: number,
  damping: number,
  product: MatrixProduct,
): Promise<Float32Array | undefined> {
  const factor = new Float32Array(size * size);
  const added = damping * meanDiagonal(gram, size);
  for (let end = size; end > 0; end -= blockSize) {
    const start = Math.max(0, end - blockSize);
    const known = end === size ? undefined : await knownPart(factor, size, start, end, product);
    for (let column = end - 1; column >= start; column--) {
      const row = factor.subarray(column * size, column * size + column + 1);
      row.set(gram.subarray(column * size, column * size + column + 1));
      row[column] = (row[column] as number) + added;
      if (known) subtract(row, 1, known.subarray((column - start) * size));
      for (let other = column + 1; other < end; other++) {
        subtract(row, factor[other * size + column] as number, factor.subarray(other * size));
      }
      const pivot = row[column] as number;
      if (!(pivot > 0)) return undefined;
      const scale = 1 / Math.sqrt(pivot);
      for (let i = 0; i <= column; i++) row[i] = (row[i] as number) * scale;
    }
  }
  return factor;
}

/** What columns `end…` of R take from columns `[start, end)` of the matrix: `[end - start, size]`. */
function knownPart(
  factor: Float32Array,
  size: number,
  start: number,
  end: number,
  product: MatrixProduct,
): Promise<Float32Array> {
  const inner = size - end;
  const weights = new Float32Array((end - start) * inner);
  for (let column = start; column < end; column++) {
    for (let i = 0; i < inner; i++) {
      weights[(column - start) * inner + i] = factor[(end + i) * size + column] as number;
    }
  }
  return product.multiply(weights, factor.subarray(end * size), inner);
}

function subtract(row: Float32Array, times: number, other: Float32Array): void {
  for (let i = 0; i < row.length; i++) row[i] = (row[i] as number) - times * (other[i] as number);
}

function meanDiagonal(gram: Float32Array, size: number): number {
  let sum = 0;
  for (let i = 0; i < size; i++) sum += gram[i * size + i] as number;
  // Inputs that are always zero still need a factor.
  return sum / size || 1;
}
