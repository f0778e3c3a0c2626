import type { DataType__Output } from "../proto/gen/stagecoach/v1/DataType.js";
import type { Tensor, Tensor__Output } from "../proto/gen/stagecoach/v1/Tensor.js";
import { StagecoachError } from "./errors.js";
import { bfloat16ToFloat32, float16ToFloat32, float32ToBfloat16, float32ToFloat16 } from "./half-float.js";

/** Element types that travel between stages. */
export type TensorDtype = Exclude<DataType__Output, "DATA_TYPE_UNSPECIFIED">;

/** Bytes an element. */
const dtypeSizeBytes: Readonly<Record<TensorDtype, number>> = { FLOAT32: 4, FLOAT16: 2, BFLOAT16: 2 };

/** More elements than any hidden state has; a product of dimensions above it is a lie. */
const maxElements = 2 ** 32;

/** A tensor as it is computed with. */
export interface FloatTensor {
  readonly values: Float32Array;
  readonly shape: readonly number[];
}

/**
 * The bytes as float32, as a view where they are aligned to 4 and as a copy where they are not.
 * @throws StagecoachError INVALID_ARGUMENT when the bytes are not whole elements
 */
export function float32View(bytes: Uint8Array): Float32Array {
  const aligned = alignedTo(bytes, 4, "float32");
  return new Float32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
}

/** Like `float32View` for little-endian unsigned integers of four bytes. */
export function uint32View(bytes: Uint8Array): Uint32Array {
  const aligned = alignedTo(bytes, 4, "uint32");
  return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
}

/** Like `float32View` for elements of two bytes, by their bits. */
function uint16View(bytes: Uint8Array): Uint16Array {
  const aligned = alignedTo(bytes, 2, "16-bit");
  return new Uint16Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 2);
}

/** The memory of a typed array as bytes, without a copy. */
export function bytesOf(values: ArrayBufferView): Buffer {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength);
}

/**
 * The message for values of a shape. FLOAT32 shares the memory of `values`, the others are new.
 * @throws StagecoachError INVALID_ARGUMENT when the shape does not hold as many elements
 */
export function encodeTensor({ values, shape }: FloatTensor, dtype: TensorDtype = "FLOAT32"): Tensor {
  const elements = elementCount(shape);
  if (elements !== values.length) {
    throw invalid(`${values.length} values do not fill a tensor of shape [${shape.join(", ")}]`);
  }
  return { dtype, shape: [...shape], data: bytesOf(narrow(values, dtype)) };
}

/**
 * The values of a message, always in memory of their own, so that their buffer can be transferred.
 * @throws StagecoachError INVALID_ARGUMENT for an unknown dtype, a shape that overflows, or bytes that do not
 * fill the shape
 */
export function decodeTensor({ dtype, shape, data }: Tensor__Output): FloatTensor {
  const elementSizeBytes = (dtypeSizeBytes as Partial<Record<string, number>>)[dtype];
  if (elementSizeBytes === undefined) {
    throw invalid(`tensor has dtype ${dtype}; send one of ${Object.keys(dtypeSizeBytes).join(", ")}`);
  }
  const expectedBytes = elementCount(shape) * elementSizeBytes;
  if (data.byteLength !== expectedBytes) {
    throw invalid(
      `tensor of ${dtype} [${shape.join(", ")}] has ${data.byteLength} bytes; it takes ${expectedBytes}`,
    );
  }
  return { values: widen(data, dtype as TensorDtype), shape };
}

function elementCount(shape: readonly number[]): number {
  let count = 1;
  for (const size of shape) {
    if (!Number.isSafeInteger(size) || size < 0) throw invalid(`tensor has a dimension of ${size}`);
    count *= size;
    if (count > maxElements) throw invalid(`tensor of shape [${shape.join(", ")}] has too many elements`);
  }
  return count;
}

function narrow(values: Float32Array, dtype: TensorDtype): Float32Array | Uint16Array {
  if (dtype === "FLOAT16") return float32ToFloat16(values);
  if (dtype === "BFLOAT16") return float32ToBfloat16(values);
  return values;
}

function widen(data: Buffer, dtype: TensorDtype): Float32Array {
  if (dtype === "FLOAT16") return float16ToFloat32(uint16View(data));
  if (dtype === "BFLOAT16") return bfloat16ToFloat32(uint16View(data));
  const values = new Float32Array(data.byteLength / 4);
  new Uint8Array(values.buffer).set(data);
  return values;
}

function alignedTo(bytes: Uint8Array, sizeBytes: number, what: string): Uint8Array {
  if (bytes.byteLength % sizeBytes !== 0) {
    throw invalid(`${bytes.byteLength} bytes are not whole ${what} elements of ${sizeBytes} bytes`);
  }
  return bytes.byteOffset % sizeBytes === 0 ? bytes : Uint8Array.from(bytes);
}

function invalid(message: string): StagecoachError {
  return new StagecoachError("INVALID_ARGUMENT", message);
}
