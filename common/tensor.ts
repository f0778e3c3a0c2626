import type { DataType__Output } from "../proto/gen/stagecoach/v1/DataType.js";
import type { Tensor, Tensor__Output } from "../proto/gen/stagecoach/v1/Tensor.js";
import { StagecoachError } from "./errors.js";

/** How hidden states travel between stages. */
export type ActivationDtype = Exclude<DataType__Output, "DATA_TYPE_UNSPECIFIED">;

/** FLOAT32 as itself, FLOAT16 and BFLOAT16 by their bits, INT8 as signed bytes. */
export type ActivationData = Float32Array | Uint16Array | Int8Array;

/**
 * Hidden states `[rows, width]`, row major, in the form in which they travel: nobody on the way converts them.
 * INT8 has a scale a row: value = byte * scale.
 */
export interface Activation {
  readonly dtype: ActivationDtype;
  readonly data: ActivationData;
  readonly scales?: Float32Array;
}

const arrays: Readonly<Record<ActivationDtype, ArrayType<ActivationData>>> = {
  FLOAT32: Float32Array,
  FLOAT16: Uint16Array,
  BFLOAT16: Uint16Array,
  INT8: Int8Array,
};

/** Names of all dtypes. */
export const activationDtypes = Object.keys(arrays) as readonly ActivationDtype[];

/** Bytes that a row of so many elements takes. */
export function activationRowBytes(dtype: ActivationDtype, width: number): number {
  return width * arrays[dtype].BYTES_PER_ELEMENT + (dtype === "INT8" ? Float32Array.BYTES_PER_ELEMENT : 0);
}

/** Zeros of a dtype, ready to be filled by `copyRows`. */
export function newActivation(dtype: ActivationDtype, rows: number, width: number): Activation {
  const data = new arrays[dtype](rows * width);
  return dtype === "INT8" ? { dtype, data, scales: new Float32Array(rows) } : { dtype, data };
}

/** Rows `[first, first + count)`, as views. */
export function rowsOf(from: Activation, first: number, count: number, width: number): Activation {
  const data = from.data.subarray(first * width, (first + count) * width);
  const scales = from.scales?.subarray(first, first + count);
  return scales === undefined ? { dtype: from.dtype, data } : { dtype: from.dtype, data, scales };
}

/** Copies all rows of `from` to where `into` has its row `first`. */
export function copyRows(from: Activation, into: Activation, first: number, width: number): void {
  into.data.set(from.data, first * width);
  if (from.scales !== undefined) into.scales?.set(from.scales, first);
}

/** The message for hidden states, which shares their memory. */
export function encodeActivation({ dtype, data, scales }: Activation, rows: number): Tensor {
  const width = rows === 0 ? 0 : data.length / rows;
  return {
    dtype,
    shape: [rows, width],
    data: bytesOf(data),
    ...(scales !== undefined && { scales: bytesOf(scales) }),
  };
}

/**
 * Hidden states out of their message, as views of its memory where that is aligned to their elements.
 * @throws StagecoachError INVALID_ARGUMENT for an unknown dtype, another number of rows, or bytes that do not
 * fill the shape
 */
export function decodeActivation({ dtype, shape, data, scales }: Tensor__Output, rows: number): Activation {
  if (dtype === "DATA_TYPE_UNSPECIFIED" || arrays[dtype] === undefined) {
    throw invalid(`hidden states have dtype ${dtype}; send one of ${activationDtypes.join(", ")}`);
  }
  const [height, width] = shape;
  if (shape.length !== 2 || height !== rows) {
    throw invalid(`Forward of ${rows} tokens has hidden states of shape [${shape.join(", ")}]`);
  }
  const expectedBytes = rows * (width as number) * arrays[dtype].BYTES_PER_ELEMENT;
  if (data.byteLength !== expectedBytes) {
    throw invalid(
      `hidden states of ${dtype} [${shape.join(", ")}] have ${data.byteLength} bytes; they take ${expectedBytes}`,
    );
  }
  const scalesBytes = dtype === "INT8" ? rows * 4 : 0;
  if (scales.byteLength !== scalesBytes) {
    throw invalid(
      `hidden states of ${dtype} have ${scales.byteLength} bytes of scales; they take ${scalesBytes}`,
    );
  }
  const values = viewOf<ActivationData>(data, arrays[dtype]);
  return dtype === "INT8"
    ? { dtype, data: values, scales: viewOf(scales, Float32Array) }
    : { dtype, data: values };
}

/**
 * Little-endian unsigned integers of four bytes, as a view where the bytes are aligned and as a copy where not.
 * @throws StagecoachError INVALID_ARGUMENT when the bytes are not whole elements
 */
export function uint32View(bytes: Uint8Array): Uint32Array {
  if (bytes.byteLength % 4 !== 0) throw invalid(`${bytes.byteLength} bytes are not whole uint32 elements`);
  return viewOf(bytes, Uint32Array);
}

/** The memory of a typed array as bytes, without a copy. */
export function bytesOf(values: ArrayBufferView): Buffer {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength);
}

interface ArrayType<Values> {
  readonly BYTES_PER_ELEMENT: number;
  new (length: number): Values;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): Values;
}

function viewOf<Values>(bytes: Uint8Array, Type: ArrayType<Values>): Values {
  const size = Type.BYTES_PER_ELEMENT;
  const aligned = bytes.byteOffset % size === 0 ? bytes : Uint8Array.from(bytes);
  return new Type(aligned.buffer, aligned.byteOffset, aligned.byteLength / size);
}

function invalid(message: string): StagecoachError {
  return new StagecoachError("INVALID_ARGUMENT", message);
}
