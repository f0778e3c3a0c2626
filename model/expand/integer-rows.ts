import type { PackedProduct } from "../store/manifest.js";
import type { BlobReader } from "./blob-reader.js";
import type { WeightRows } from "./readable-rows.js";

type IntegerProduct = Extract<PackedProduct, { encoding: "w8a8" }>;

/**
 * Weights of a product of integers, `[inputs, outputs]`. Where it expects a Hadamard transform of each run of inputs,
 * the weights are transformed instead: (x · H) · W = x · (H · W). Sums of levels are integers, so only the product
 * with the scale is rounded.
 */
export async function integerRows(reader: BlobReader, product: IntegerProduct): Promise<WeightRows> {
  const { inputSize, outputSize, hadamard = 1 } = product;
  const levels = reader.tensor(product.weight, ["i8"], inputSize * outputSize);
  const scales = new Float32Array(await reader.read(reader.tensor(product.scales, ["f32"], outputSize)));
  const root = Math.sqrt(hadamard);
  return {
    rows: inputSize,
    rowLength: outputSize,
    transposed: false,
    step: hadamard,
    async read(first, count) {
      const bytes = await reader.read(levels, first * outputSize, count * outputSize);
      const sums = Int32Array.from(new Int8Array(bytes));
      for (let run = 0; run < count; run += hadamard) transformRows(sums, run, hadamard, outputSize);
      const values = new Float32Array(sums.length);
      for (let at = 0, output = 0; at < sums.length; at++) {
        values[at] = ((sums[at] as number) / root) * (scales[output] as number);
        if (++output === outputSize) output = 0;
      }
      return values;
    },
  };
}

/** Multiplies rows `[first, first + size)` with the Hadamard matrix, without its norm; size is a power of two. */
function transformRows(values: Int32Array, first: number, size: number, rowLength: number): void {
  for (let half = 1; half < size; half *= 2) {
    for (let row = 0; row < size; row++) {
      if ((row & half) !== 0) continue;
      const upper = (first + row) * rowLength;
      const lower = upper + half * rowLength;
      for (let column = 0; column < rowLength; column++) {
        const [one, other] = [values[upper + column] as number, values[lower + column] as number];
        values[upper + column] = one + other;
        values[lower + column] = one - other;
      }
    }
  }
}
