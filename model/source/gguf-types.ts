import type { Encoding } from "./model-source.js";

/** What a metadata value may be, by its number in the file. */
export const ggufValueTypes = [
  "uint8",
  "int8",
  "uint16",
  "int16",
  "uint32",
  "int32",
  "float32",
  "bool",
  "string",
  "array",
  "uint64",
  "int64",
  "float64",
] as const;

export type GgufValueType = (typeof ggufValueTypes)[number];

/** A metadata value's type: of the value itself, or of an array's elements. */
export type GgufScalarType = Exclude<GgufValueType, "array">;

/** Bytes of one value; a string takes at least its length. */
export const ggufScalarBytes: Readonly<Record<GgufScalarType, number>> = {
  uint8: 1,
  int8: 1,
  uint16: 2,
  int16: 2,
  uint32: 4,
  int32: 4,
  float32: 4,
  bool: 1,
  string: 8,
  uint64: 8,
  int64: 8,
  float64: 8,
};

/** ggml's number of every encoding that can be read. */
export const ggufEncodings: Readonly<Record<Encoding, number>> = {
  F32: 0,
  F16: 1,
  Q4_0: 2,
  Q4_1: 3,
  Q5_0: 6,
  Q5_1: 7,
  Q8_0: 8,
  Q2_K: 10,
  Q3_K: 11,
  Q4_K: 12,
  Q5_K: 13,
  Q6_K: 14,
  BF16: 30,
};

/** Names for types that are refused, so that a message can say more than a number. */
const refusedTypes: Readonly<Record<number, string>> = {
  9: "Q8_1",
  15: "Q8_K",
  16: "IQ2_XXS",
  17: "IQ2_XS",
  18: "IQ3_XXS",
  19: "IQ1_S",
  20: "IQ4_NL",
  21: "IQ3_S",
  22: "IQ2_S",
  23: "IQ4_XS",
  24: "I8",
  25: "I16",
  26: "I32",
  27: "I64",
  28: "F64",
  29: "IQ1_M",
  34: "TQ1_0",
  35: "TQ2_0",
  39: "MXFP4",
};

const encodingsByNumber = new Map(
  Object.entries(ggufEncodings).map(([encoding, number]) => [number, encoding as Encoding]),
);

/** The encoding with a number, or undefined when it cannot be read. */
export function encodingOf(number: number): Encoding | undefined {
  return encodingsByNumber.get(number);
}

/** A tensor type as a message shows it. */
export function describeType(number: number): string {
  const name = refusedTypes[number];
  return name === undefined ? `number ${number}` : `${name} (number ${number})`;
}
