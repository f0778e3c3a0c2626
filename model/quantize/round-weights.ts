import { factorGram } from "./factor-gram.js";
import type { MatrixProduct } from "./matrix-product.js";

/** A product's weights on 8-bit levels: `weight[k, n] ≈ levels[k, n] · scales[n]`. */
export interface RoundedWeights {
  /** i8 `[inputSize, outputSize]`, ±127. */
  readonly levels: Int8Array;
  /** f32 `[outputSize]`. */
  readonly scales: Float32Array;
}

/** Share of the mean squared input that is added to each, for what calibration did not show. */
const damping = 0.01;
const blockSize = 48;

/**
 * Rounds `weight` f32 `[inputSize, outputSize]` to 8-bit levels so that the product's error over the calibration
 * inputs is small: input by input, each rounding error is carried into the inputs that are still to come, as far as
 * they go along with it in `gram` (Xᵀ·X, f32 `[inputSize, inputSize]`).
 *
 * This is GPTQ (Frantar et al., 2022) in the form that QuIP (Chee et al., 2023) calls LDLQ, which needs a
 * triangular factor of the Gram matrix, and no inverse. Where the factor cannot be had, weights are rounded to nearest.
 */
export async function roundWeights(
  weight: Float32Array,
  gram: Float32Array,
  inputSize: number,
  product: MatrixProduct,
): Promise<RoundedWeights> {
  const outputSize = weight.length / inputSize;
  const scales = columnScales(weight, outputSize);
  const levels = new Int8Array(weight.length);
  const factor = await dampedFactor(gram, inputSize, product);
  const errors = new Float32Array(weight.length);
  for (let start = 0; start < inputSize; start += blockSize) {
    const end = Math.min(inputSize, start + blockSize);
    const targets = weight.slice(start * outputSize, end * outputSize);
    if (factor && start > 0) {
      const feedback = feedbackWeights(factor, inputSize, start, end);
      const carried = await product.multiply(feedback, errors.subarray(0, start * outputSize), start);
      for (let i = 0; i < targets.length; i++) targets[i] = (targets[i] as number) + (carried[i] as number);
    }
    for (let input = start; input < end; input++) {
      const from = input * outputSize;
      const target = targets.subarray((input - start) * outputSize, (input - start + 1) * outputSize);
      for (let n = 0; n < outputSize; n++) {
        const scale = scales[n] as number;
        const level = Math.max(-127, Math.min(127, Math.round((target[n] as number) / scale)));
        levels[from + n] = level;
        errors[from + n] = (weight[from + n] as number) - level * scale;
      }
      if (!factor) continue;
      for (let later = input + 1; later < end; later++) {
        const share = feedbackOf(factor, inputSize, input, later);
        const laterTarget = targets.subarray((later - start) * outputSize, (later - start + 1) * outputSize);
        addTimes(laterTarget, share, errors, from);
      }
    }
  }
  return { levels, scales };
}

/** The weights that levels stand for, f32. */
export function dequantizeRounded({ levels, scales }: RoundedWeights): Float32Array {
  const weight = new Float32Array(levels.length);
  const columns = scales.length;
  for (let start = 0; start < levels.length; start += columns) {
    for (let n = 0; n < columns; n++)
      weight[start + n] = (levels[start + n] as number) * (scales[n] as number);
  }
  return weight;
}

/** Largest magnitude of each output's weights as 127 levels. */
function columnScales(weight: Float32Array, outputSize: number): Float32Array {
  const largest = new Float32Array(outputSize).fill(1e-12);
  for (let start = 0; start < weight.length; start += outputSize) {
    for (let n = 0; n < outputSize; n++) {
      const magnitude = Math.abs(weight[start + n] as number);
      if (magnitude > (largest[n] as number)) largest[n] = magnitude;
    }
  }
  return largest.map((magnitude) => magnitude / 127);
}

async function dampedFactor(
  gram: Float32Array,
  size: number,
  product: MatrixProduct,
): Promise<Float32Array | undefined> {
  for (const more of [1, 10, 100]) {
    const factor = await factorGram(gram, size, more * damping, product);
    if (factor) return factor;
  }
  return undefined;
}

/** How much of each earlier input's error goes to inputs `[start, end)`: `[end - start, start]`. */
function feedbackWeights(factor: Float32Array, size: number, start: number, end: number): Float32Array {
  const weights = new Float32Array((end - start) * start);
  for (let input = start; input < end; input++) {
    for (let earlier = 0; earlier < start; earlier++) {
      weights[(input - start) * start + earlier] = feedbackOf(factor, size, earlier, input);
    }
  }
  return weights;
}

function feedbackOf(factor: Float32Array, size: number, earlier: number, later: number): number {
  return (factor[later * size + earlier] as number) / (factor[later * size + later] as number);
}

function addTimes(target: Float32Array, times: number, values: Float32Array, from: number): void {
  for (let i = 0; i < target.length; i++) {
    target[i] = (target[i] as number) + times * (values[from + i] as number);
  }
}
