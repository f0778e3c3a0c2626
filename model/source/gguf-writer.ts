import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { StagecoachError } from "../../common/errors.js";
import { encodedSizeBytes } from "../encoding/encoded-size.js";
import type { GgufMetadata, GgufValue } from "./gguf-metadata.js";
import { type GgufScalarType, ggufEncodings, ggufScalarBytes, ggufValueTypes } from "./gguf-types.js";
import type { Encoding } from "./model-source.js";

/** A tensor to write; its bytes are asked for when their turn comes. */
export interface GgufTensor {
  readonly name: string;
  /** Row major. */
  readonly shape: readonly number[];
  readonly encoding: Encoding;
  readonly data: () => Uint8Array | Promise<Uint8Array>;
}

/** What a GGUF file is made of. */
export interface GgufContents {
  readonly metadata: GgufMetadata;
  /**
   * Types of values, of elements for arrays, as `GgufHeader.types` gives them. Without one, a whole number is a
   * uint32 or int32, any other number a float32, and typed arrays are what they are.
   */
  readonly types?: ReadonlyMap<string, GgufScalarType>;
  readonly tensors: readonly GgufTensor[];
}

const alignmentBytes = 32;

/**
 * Writes a GGUF file, version 3, with one tensor in memory at a time. The file appears under its name when it
 * is complete.
 * @throws StagecoachError INVALID_ARGUMENT when a value does not fit its type or a tensor's bytes its shape.
 */
export async function writeGguf(path: string, contents: GgufContents): Promise<void> {
  const partial = `${path}.partial`;
  const handle = await open(partial, "w");
  try {
    await writePadded(handle, encodeHeader(contents));
    for (const tensor of contents.tensors) await writeTensor(handle, tensor);
    await handle.close();
    await rename(partial, path);
  } catch (reason) {
    await handle.close();
    await rm(partial, { force: true });
    throw StagecoachError.from(reason);
  }
}

/** Header, metadata and tensor table, not yet padded to the alignment. */
function encodeHeader({ metadata, types, tensors }: GgufContents): Uint8Array {
  const parts: Uint8Array[] = [Buffer.from("GGUF"), uint32(3), uint64(tensors.length), uint64(metadata.size)];
  for (const [key, value] of metadata) {
    if (key === "general.alignment") parts.push(string(key), uint32(4), uint32(alignmentBytes));
    else parts.push(string(key), ...encodeValue(key, value, types?.get(key)));
  }
  let offset = 0;
  for (const { name, shape, encoding } of tensors) {
    parts.push(string(name), uint32(shape.length));
    for (const dimension of shape.toReversed()) parts.push(uint64(dimension));
    parts.push(uint32(ggufEncodings[encoding]), uint64(offset));
    offset += padded(sizeOf(shape, encoding));
  }
  return Buffer.concat(parts);
}

async function writeTensor(handle: FileHandle, { name, shape, encoding, data }: GgufTensor): Promise<void> {
  const bytes = await data();
  const sizeBytes = sizeOf(shape, encoding);
  if (bytes.length !== sizeBytes) {
    throw new StagecoachError(
      "INVALID_ARGUMENT",
      `tensor ${name} [${shape.join(", ")}] takes ${sizeBytes} bytes as ${encoding}, but ${bytes.length} were given`,
    );
  }
  await writePadded(handle, bytes);
}

async function writePadded(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  await handle.writeFile(bytes);
  await handle.writeFile(new Uint8Array(padded(bytes.length) - bytes.length));
}

function encodeValue(key: string, value: GgufValue, given: GgufScalarType | undefined): Uint8Array[] {
  const type = given ?? typeOf(value);
  if (typeof value !== "object")
    return [uint32(ggufValueTypes.indexOf(type)), encodeScalar(key, value, type)];
  const head = [uint32(ggufValueTypes.indexOf("array")), uint32(ggufValueTypes.indexOf(type))];
  if (isStrings(value)) return [...head, uint64(value.length), Buffer.concat(value.map(string))];
  const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  if (value.BYTES_PER_ELEMENT !== ggufScalarBytes[type]) {
    throw new StagecoachError("INVALID_ARGUMENT", `${key} is an array, but not of ${type}`);
  }
  return [...head, uint64(value.length), bytes];
}

function encodeScalar(
  key: string,
  value: string | number | bigint | boolean,
  type: GgufScalarType,
): Uint8Array {
  if (type === "string") return string(String(value));
  const bytes = Buffer.alloc(ggufScalarBytes[type]);
  try {
    scalarSetters[type](bytes, value);
  } catch (reason) {
    throw new StagecoachError("INVALID_ARGUMENT", `${key} is ${value}, which is no ${type}`, {
      cause: reason,
    });
  }
  return bytes;
}

type SetScalar = (bytes: Buffer, value: string | number | bigint | boolean) => void;

const scalarSetters: Record<Exclude<GgufScalarType, "string">, SetScalar> = {
  uint8: (bytes, value) => bytes.writeUInt8(Number(value)),
  int8: (bytes, value) => bytes.writeInt8(Number(value)),
  uint16: (bytes, value) => bytes.writeUInt16LE(Number(value)),
  int16: (bytes, value) => bytes.writeInt16LE(Number(value)),
  uint32: (bytes, value) => bytes.writeUInt32LE(Number(value)),
  int32: (bytes, value) => bytes.writeInt32LE(Number(value)),
  float32: (bytes, value) => bytes.writeFloatLE(Number(value)),
  float64: (bytes, value) => bytes.writeDoubleLE(Number(value)),
  bool: (bytes, value) => bytes.writeUInt8(value ? 1 : 0),
  uint64: (bytes, value) => bytes.writeBigUInt64LE(BigInt(value)),
  int64: (bytes, value) => bytes.writeBigInt64LE(BigInt(value)),
};

function typeOf(value: GgufValue): GgufScalarType {
  if (typeof value === "string" || isStrings(value)) return "string";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "bigint") return value < 0n ? "int64" : "uint64";
  if (typeof value !== "number") return arrayTypes.get(value.constructor) as GgufScalarType;
  if (!Number.isInteger(value)) return "float32";
  return value < 0 ? "int32" : "uint32";
}

const arrayTypes = new Map<unknown, GgufScalarType>([
  [Uint8Array, "uint8"],
  [Int8Array, "int8"],
  [Uint16Array, "uint16"],
  [Int16Array, "int16"],
  [Uint32Array, "uint32"],
  [Int32Array, "int32"],
  [Float32Array, "float32"],
  [Float64Array, "float64"],
  [BigUint64Array, "uint64"],
  [BigInt64Array, "int64"],
]);

function isStrings(value: GgufValue): value is readonly string[] {
  return Array.isArray(value);
}

function sizeOf(shape: readonly number[], encoding: Encoding): number {
  return encodedSizeBytes(
    encoding,
    shape.reduce((product, dimension) => product * dimension, 1),
  );
}

function padded(sizeBytes: number): number {
  return Math.ceil(sizeBytes / alignmentBytes) * alignmentBytes;
}

function string(text: string): Uint8Array {
  const bytes = Buffer.from(text, "utf8");
  return Buffer.concat([uint64(bytes.length), bytes]);
}

function uint32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function uint64(value: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}
