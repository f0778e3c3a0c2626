import type { ModelConfig } from "../config.js";
import { writeColumns } from "../encoding/write-columns.js";
import { hadamardRuns, largestPowerOfTwo, mixRuns } from "./mix-runs.js";
import { rotateResidual } from "./rotate-residual.js";

/** A matrix product before it is rounded: `y[rows, outputSize] = x[rows, inputSize] · weight + bias`. */
export interface FoldedProduct {
  readonly name: string;
  readonly inputSize: number;
  readonly outputSize: number;
  /** f32 `[inputSize, outputSize]`. */
  readonly weight: Float32Array;
  readonly bias?: Float32Array;
  /** The inputs of the weight are transformed by `hadamardRuns` of this size first. */
  readonly hadamard?: number;
}

/** What a product is without its weights. */
export type ProductShape = Omit<FoldedProduct, "weight">;

/** The products of a layer in the order of its blob. */
export interface FoldedLayer {
  readonly qkv: FoldedProduct;
  readonly o: FoldedProduct;
  readonly gate_up: FoldedProduct;
  readonly down: FoldedProduct;
}

/** f32 values of a layer's tensors by their names in it (`q.weight`); matrices `[outputs, inputs]`. */
export type LayerTensors = (name: string) => Float32Array;

/**
 * A layer rewritten so that it rounds well and still computes the same, between rotated residual streams: gains of
 * the norms go into the products that follow, every value head is mixed and its mixture undone in `o`, and `down`
 * takes inputs that are transformed as `downHadamard` says. Queries and keys stay as they are, since rotary
 * embeddings come between them.
 */
export function foldLayer(config: ModelConfig, tensors: LayerTensors): FoldedLayer {
  const { hiddenSize, headCount, headSize, feedForwardSize } = config;
  const gateUp = foldRows(stack([tensors("gate.weight"), tensors("up.weight")]), tensors("ffn_norm.weight"));
  return {
    qkv: foldHeads(config, tensors),
    o: writesResidual("o", hiddenSize, headCount * headSize, tensors("o.weight"), (rows) =>
      mixRuns(rows, headSize),
    ),
    gate_up: { name: "gate_up", inputSize: hiddenSize, outputSize: 2 * feedForwardSize, weight: gateUp },
    down: {
      ...writesResidual("down", hiddenSize, feedForwardSize, tensors("down.weight"), (rows) =>
        hadamardRuns(rows, downHadamard(feedForwardSize)),
      ),
      hadamard: downHadamard(feedForwardSize),
    },
  };
}

/** Size of the Hadamard transform before `down`: 64, or the largest power of two that divides its inputs. */
export function downHadamard(feedForwardSize: number): number {
  return Math.min(64, largestPowerOfTwo(feedForwardSize));
}

/**
 * A matrix `[outputs, hiddenSize]` whose inputs are the normed stream, as `[hiddenSize, outputs]` for the rotated one
 * without the norm's gain; `rows` are changed on the way.
 */
export function foldRows(rows: Float32Array, gain: Float32Array): Float32Array {
  const size = gain.length;
  for (let start = 0; start < rows.length; start += size) {
    for (let i = 0; i < size; i++) rows[start + i] = (rows[start + i] as number) * (gain[i] as number);
  }
  rotateResidual(rows, size);
  return transposed(rows, size);
}

function foldHeads(config: ModelConfig, tensors: LayerTensors): FoldedProduct {
  const { hiddenSize, headCount, kvHeadCount, headSize, attentionBias } = config;
  const names = ["q", "k", "v"];
  const weights = names.map((name) => tensors(`${name}.weight`));
  const outputSize = (headCount + 2 * kvHeadCount) * headSize;
  const firstValue = (headCount + kvHeadCount) * headSize;
  const weight = foldRows(stack(weights), tensors("attn_norm.weight"));
  for (let row = 0; row < hiddenSize; row++) {
    mixRuns(weight.subarray(row * outputSize + firstValue, (row + 1) * outputSize), headSize);
  }
  const product = { name: "qkv", inputSize: hiddenSize, outputSize, weight };
  if (!attentionBias) return product;
  const bias = stack(names.map((name) => tensors(`${name}.bias`)));
  mixRuns(bias.subarray(firstValue), headSize);
  return { ...product, bias };
}

/** A matrix `[hiddenSize, inputs]` that writes the stream, after a change of its rows, as `[inputs, hiddenSize]`. */
function writesResidual(
  name: string,
  hiddenSize: number,
  inputSize: number,
  matrix: Float32Array,
  changeRows: (rows: Float32Array) => void,
): FoldedProduct {
  const rows = matrix.slice();
  changeRows(rows);
  const weight = transposed(rows, inputSize);
  rotateResidual(weight, hiddenSize);
  return { name, inputSize, outputSize: hiddenSize, weight };
}

function stack(arrays: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(arrays.reduce((sum, array) => sum + array.length, 0));
  let offset = 0;
  for (const array of arrays) {
    all.set(array, offset);
    offset += array.length;
  }
  return all;
}

function transposed(rows: Float32Array, rowLength: number): Float32Array {
  const columns = new Float32Array(rows.length);
  writeColumns(columns, rows.length / rowLength, 0, rows, rowLength);
  return columns;
}
