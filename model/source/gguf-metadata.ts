import { StagecoachError } from "../../common/errors.js";

/** A GGUF array of numbers, as wide in memory as it is in the file; truth values are 0 and 1. */
export type GgufNumbers =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array
  | BigUint64Array
  | BigInt64Array;

/** One metadata value. 64-bit integers are numbers where a number holds them exactly, else bigints. */
export type GgufValue = number | bigint | boolean | string | readonly string[] | GgufNumbers;

/** A GGUF file's metadata by key, e.g. `general.architecture`. */
export type GgufMetadata = ReadonlyMap<string, GgufValue>;

/** A list of numbers that may be a typed array. */
export type NumberList = Readonly<ArrayLike<number>>;

/**
 * The text under a key, or undefined when the key is absent.
 * @throws StagecoachError INVALID_ARGUMENT when the value is something else.
 */
export function findString(metadata: GgufMetadata, key: string): string | undefined {
  const value = metadata.get(key);
  if (value === undefined || typeof value === "string") return value;
  throw wrongType(key, value, "a string");
}

/**
 * The number under a key, or undefined when the key is absent.
 * @throws StagecoachError INVALID_ARGUMENT when the value is not a finite number.
 */
export function findNumber(metadata: GgufMetadata, key: string): number | undefined {
  const value = metadata.get(key);
  if (value === undefined || (typeof value === "number" && Number.isFinite(value))) return value;
  throw wrongType(key, value, "a finite number");
}

/**
 * The truth value under a key, or undefined when the key is absent.
 * @throws StagecoachError INVALID_ARGUMENT when the value is something else.
 */
export function findBoolean(metadata: GgufMetadata, key: string): boolean | undefined {
  const value = metadata.get(key);
  if (value === undefined || typeof value === "boolean") return value;
  throw wrongType(key, value, "true or false");
}

/**
 * The strings under a key, or undefined when the key is absent.
 * @throws StagecoachError INVALID_ARGUMENT when the value is not an array of strings.
 */
function findStringArray(metadata: GgufMetadata, key: string): readonly string[] | undefined {
  const value = metadata.get(key);
  if (value === undefined || isList(value)) return value;
  throw wrongType(key, value, "an array of strings");
}

/**
 * The numbers under a key, or undefined when the key is absent.
 * @throws StagecoachError INVALID_ARGUMENT when the value is not an array of numbers, or one of its 64-bit
 * integers is beyond 2^53.
 */
export function findNumberArray(metadata: GgufMetadata, key: string): NumberList | undefined {
  const value = metadata.get(key);
  if (value === undefined) return undefined;
  if (!ArrayBuffer.isView(value)) throw wrongType(key, value, "an array of numbers");
  if (!(value instanceof BigUint64Array || value instanceof BigInt64Array)) return value;
  const numbers = Float64Array.from(value, Number);
  const bad = numbers.findIndex((number) => !Number.isSafeInteger(number));
  if (bad >= 0) throw wrongType(`${key}[${bad}]`, value[bad] ?? 0n, "an integer within 2^53");
  return numbers;
}

/** Like findString, but an absent key is an error. */
export function getString(metadata: GgufMetadata, key: string): string {
  return required(key, findString(metadata, key));
}

/** Like findNumber, but an absent key is an error. */
export function getNumber(metadata: GgufMetadata, key: string): number {
  return required(key, findNumber(metadata, key));
}

/** Like findBoolean, but an absent key is an error. */
export function getBoolean(metadata: GgufMetadata, key: string): boolean {
  return required(key, findBoolean(metadata, key));
}

/** Like findStringArray, but an absent key is an error. */
export function getStringArray(metadata: GgufMetadata, key: string): readonly string[] {
  return required(key, findStringArray(metadata, key));
}

/** Like findNumberArray, but an absent key is an error. */
export function getNumberArray(metadata: GgufMetadata, key: string): NumberList {
  return required(key, findNumberArray(metadata, key));
}

function required<Value>(key: string, value: Value | undefined): Value {
  if (value !== undefined) return value;
  throw new StagecoachError(
    "INVALID_ARGUMENT",
    `the GGUF file has no metadata "${key}": convert the model again with a current llama.cpp`,
    { details: { key } },
  );
}

function isList(value: GgufValue): value is readonly string[] {
  return Array.isArray(value);
}

function wrongType(key: string, value: GgufValue, wanted: string): StagecoachError {
  const found = typeof value === "object" ? "another kind of array" : String(value).slice(0, 80);
  return new StagecoachError(
    "INVALID_ARGUMENT",
    `GGUF metadata "${key}" should be ${wanted} and is ${found}: convert the model again with a current llama.cpp`,
    { details: { key } },
  );
}
