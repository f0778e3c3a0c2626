import type { FieldKind } from "./schema.js";

/** Protobuf's wire types: 0 a varint, 2 a length and as many bytes, 5 four bytes. */
export const wireTypes: Readonly<Record<FieldKind, 0 | 2 | 5>> = {
  uint: 0,
  bool: 0,
  enum: 0,
  float: 5,
  bytes: 2,
  string: 2,
  message: 2,
  uints: 2,
  floats: 2,
  messages: 2,
};
