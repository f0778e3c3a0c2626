import type { StagecoachError } from "../../common/errors.js";
import type { GgufMetadata, GgufNumbers, GgufValue } from "./gguf-metadata.js";
import { type GgufScalarType, ggufScalarBytes, ggufValueTypes } from "./gguf-types.js";
import { quote } from "./quote.js";
import type { SequentialReader } from "./sequential-reader.js";

const longestNameBytes = 65_535;

/**
 * Reads `count` keys with their values.
 * @throws StagecoachError DATA_LOSS or INVALID_ARGUMENT, with the key in its message.
 */
export function readMetadata(
  reader: SequentialReader,
  count: number,
): { metadata: GgufMetadata; types: ReadonlyMap<string, GgufScalarType> } {
  const metadata = new Map<string, GgufValue>();
  const types = new Map<string, GgufScalarType>();
  for (let i = 0; i < count; i++) {
    const key = readName(reader, `metadata key ${i}`);
    if (metadata.has(key)) throw reader.error("INVALID_ARGUMENT", `metadata ${quote(key)} is there twice`);
    const { value, type } = readValue(reader, key);
    metadata.set(key, value);
    types.set(key, type);
  }
  return { metadata, types };
}

/**
 * A key or a tensor's name.
 * @throws StagecoachError INVALID_ARGUMENT when it is empty or longer than GGUF allows.
 */
export function readName(reader: SequentialReader, what: string): string {
  const name = reader.string(what);
  if (name.length > 0 && name.length <= longestNameBytes) return name;
  throw reader.error(
    "INVALID_ARGUMENT",
    `${what} has ${name.length} characters, not 1 to ${longestNameBytes}`,
  );
}

function readValue(reader: SequentialReader, key: string): { value: GgufValue; type: GgufScalarType } {
  const what = `metadata ${quote(key)}`;
  const number = reader.uint32(`the type of ${what}`);
  const type = ggufValueTypes[number];
  if (type === undefined) throw unknownType(reader, what, number);
  if (type !== "array") return { value: readScalar(reader, type, what), type };
  const elementNumber = reader.uint32(`the element type of ${what}`);
  const elementType = ggufValueTypes[elementNumber];
  if (elementType === undefined) throw unknownType(reader, `an element of ${what}`, elementNumber);
  if (elementType === "array") {
    throw reader.error("INVALID_ARGUMENT", `${what} is an array of arrays, which is not supported`);
  }
  return { value: readArray(reader, elementType, what), type: elementType };
}

function readArray(reader: SequentialReader, type: GgufScalarType, what: string): GgufValue {
  const count = reader.count(`the length of ${what}`, ggufScalarBytes[type]);
  if (type === "string") return Array.from({ length: count }, (_, i) => reader.string(`${what}[${i}]`));
  const bytes = reader.bytes(count * ggufScalarBytes[type], what);
  if (type === "bool") return bytes;
  return new numberArrays[type](bytes.buffer as ArrayBuffer, 0, count);
}

function readScalar(reader: SequentialReader, type: GgufScalarType, what: string): GgufValue {
  if (type === "string") return reader.string(what);
  const bytes = reader.bytes(ggufScalarBytes[type], what);
  if (type === "bool") return bytes[0] !== 0;
  const value = new numberArrays[type](bytes.buffer as ArrayBuffer, 0, 1)[0] as number | bigint;
  if (typeof value === "number") return value;
  const rounded = Number(value);
  return Number.isSafeInteger(rounded) ? rounded : value;
}

/** Every machine that Node runs on with prebuilt ONNX Runtime is little-endian, as GGUF is. */
const numberArrays: Record<
  Exclude<GgufScalarType, "string" | "bool">,
  new (
    buffer: ArrayBuffer,
    offset: number,
    length: number,
  ) => GgufNumbers
> = {
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  uint32: Uint32Array,
  int32: Int32Array,
  float32: Float32Array,
  uint64: BigUint64Array,
  int64: BigInt64Array,
  float64: Float64Array,
};

function unknownType(reader: SequentialReader, what: string, number: number): StagecoachError {
  return reader.error("INVALID_ARGUMENT", `${what} has type ${number}, which GGUF does not know`);
}
