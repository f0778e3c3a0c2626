import { StagecoachError } from "../../common/errors.js";
import { dequantize } from "../encoding/dequantize.js";
import { writeColumns } from "../encoding/write-columns.js";
import type { TensorInfo } from "../source/model-source.js";
import type { EncodedProduct, EncodedTensor, EncodeOptions, ProductPart } from "./encoded-product.js";

/** Stacks parts along their outputs into one f32 product: `[K, N]`, or `[N, K]` for an embedding. */
export function encodeDense(
  name: string,
  parts: readonly ProductPart[],
  inputSize: number,
  { embedding }: EncodeOptions,
): EncodedProduct {
  const outputSize = parts.reduce((sum, part) => sum + outputsOf(part), 0);
  const stacked = new Float32Array(outputSize * inputSize);
  let row = 0;
  for (const part of parts) {
    const values = dequantizePart(part);
    if (embedding) stacked.set(values, row * inputSize);
    else writeColumns(stacked, outputSize, row, values, inputSize);
    row += outputsOf(part);
  }
  const shape = embedding ? [outputSize, inputSize] : [inputSize, outputSize];
  const weight = floatTensor(`${name}.weight`, shape, stacked);
  return denseProduct(name, { inputSize, outputSize, embedding }, weight, encodeBias(name, parts));
}

/** A product of the tensors that it is made of. */
export function denseProduct(
  name: string,
  { embedding, ...sizes }: EncodeOptions & { readonly inputSize: number; readonly outputSize: number },
  weight: EncodedTensor,
  bias: EncodedTensor | undefined,
): EncodedProduct {
  return {
    product: {
      encoding: "dense",
      name,
      ...sizes,
      weight: weight.name,
      transposed: embedding,
      ...(bias && { bias: bias.name }),
    },
    tensors: bias ? [weight, bias] : [weight],
  };
}

/** A stored tensor of any encoding as f32 of its own shape. */
export function encodeFloats(name: string, info: TensorInfo, bytes: Uint8Array): EncodedTensor {
  const length = info.shape.reduce((product, size) => product * size, 1);
  return floatTensor(name, [...info.shape], dequantize(info.encoding, bytes, length));
}

/** A part's weights, f32 `[outputs, inputs]`. */
export function dequantizePart({ info, bytes }: ProductPart): Float32Array {
  return dequantize(info.encoding, bytes, (info.shape[0] ?? 0) * (info.shape[1] ?? 0));
}

/** The parts' biases one after another, zeros for parts without one; undefined when no part has any. */
export function encodeBias(name: string, parts: readonly ProductPart[]): EncodedTensor | undefined {
  if (parts.every((part) => part.bias === undefined)) return undefined;
  const outputSize = parts.reduce((sum, part) => sum + outputsOf(part), 0);
  const stacked = new Float32Array(outputSize);
  let row = 0;
  for (const part of parts) {
    if (part.bias) stacked.set(part.bias, row);
    row += outputsOf(part);
  }
  return floatTensor(`${name}.bias`, [outputSize], stacked);
}

/** A Float32Array as a tensor of a blob. */
export function floatTensor(name: string, shape: number[], values: Float32Array): EncodedTensor {
  return {
    name,
    dtype: "f32",
    shape,
    data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  };
}

/**
 * Inputs that all parts share.
 * @throws StagecoachError INVALID_ARGUMENT when they do not.
 */
export function commonInputSize(name: string, parts: readonly ProductPart[]): number {
  const sizes = new Set(parts.map((part) => part.info.shape[1]));
  const [size] = sizes;
  if (sizes.size !== 1 || size === undefined) {
    const shapes = parts.map((part) => `${part.info.name} [${part.info.shape.join(", ")}]`).join(", ");
    throw new StagecoachError(
      "INVALID_ARGUMENT",
      `product ${name} needs matrices with the same number of inputs, got ${shapes}`,
    );
  }
  return size;
}

/** Rows of a part's matrix. */
export function outputsOf(part: ProductPart): number {
  return part.info.shape[0] ?? 0;
}
