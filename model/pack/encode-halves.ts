import { StagecoachError } from "../../common/errors.js";
import { float32ToFloat16 } from "../../common/half-float.js";
import { dequantize } from "../encoding/dequantize.js";
import { writeColumns } from "../encoding/write-columns.js";
import type { TensorInfo } from "../source/model-source.js";
import { denseProduct, encodeBias, outputsOf } from "./encode-product-dense.js";
import type { EncodedProduct, EncodedTensor, EncodeOptions, ProductPart } from "./encoded-product.js";

/** The first value that rounds up to infinity. */
const mostFloat16 = 65_520;
const infinityBits = 0x7c00;

/**
 * Stacks parts along their outputs into one f16 product: `[K, N]`, or `[N, K]` for an embedding. Weights that are
 * stored as f16 are never widened.
 * @throws StagecoachError INVALID_ARGUMENT for a value that f16 does not reach.
 */
export function encodeHalves(
  name: string,
  parts: readonly ProductPart[],
  inputSize: number,
  { embedding }: EncodeOptions,
): EncodedProduct {
  const outputSize = parts.reduce((sum, part) => sum + outputsOf(part), 0);
  const stacked = new Uint16Array(outputSize * inputSize);
  let row = 0;
  for (const { info, bytes } of parts) {
    const halves = halvesOf(`${name}.weight`, info, bytes);
    if (embedding) stacked.set(halves, row * inputSize);
    else writeColumns(stacked, outputSize, row, halves, inputSize);
    row += info.shape[0] ?? 0;
  }
  const shape = embedding ? [outputSize, inputSize] : [inputSize, outputSize];
  const weight = halfTensor(`${name}.weight`, shape, stacked);
  const bias = encodeBias(name, parts);
  return denseProduct(name, { inputSize, outputSize, embedding }, weight, bias && narrowed(bias));
}

/** A norm's gain or another vector as f16, in its own shape. */
export function encodeHalfVector(name: string, info: TensorInfo, bytes: Uint8Array): EncodedTensor {
  return halfTensor(name, [...info.shape], halvesOf(name, info, bytes));
}

/** Bits of f16, in the order in which they are stored. */
function halvesOf(name: string, { encoding, shape }: TensorInfo, bytes: Uint8Array): Uint16Array {
  const count = shape.reduce((product, size) => product * size, 1);
  if (encoding !== "F16") return narrow(name, dequantize(encoding, bytes, count));
  const { buffer, byteOffset } = bytes.byteOffset % 2 === 0 ? bytes : bytes.slice();
  const halves = new Uint16Array(buffer, byteOffset, count);
  for (let index = 0; index < count; index++) {
    if (((halves[index] as number) & infinityBits) === infinityBits) throw beyond(name, "inf or NaN");
  }
  return halves;
}

function narrowed({ name, shape, data }: EncodedTensor): EncodedTensor {
  const values = new Float32Array(data.buffer, data.byteOffset, data.byteLength / 4);
  return halfTensor(name, shape, narrow(name, values));
}

function narrow(name: string, values: Float32Array): Uint16Array {
  for (let index = 0; index < values.length; index++) {
    const value = values[index] as number;
    if (!(Math.abs(value) < mostFloat16)) throw beyond(name, String(value));
  }
  return float32ToFloat16(values);
}

function beyond(name: string, value: string): StagecoachError {
  return new StagecoachError(
    "INVALID_ARGUMENT",
    `${name} has a weight of ${value}, which f16 cannot hold: take another variant, such as f32`,
  );
}

function halfTensor(
  name: string,
  shape: number[],
  { buffer, byteOffset, byteLength }: Uint16Array,
): EncodedTensor {
  return { name, dtype: "f16", shape, data: new Uint8Array(buffer, byteOffset, byteLength) };
}
