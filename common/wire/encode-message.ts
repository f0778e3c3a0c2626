import { StagecoachError } from "../errors.js";
import type { Field, Message, Schema } from "./schema.js";
import { wireTypes } from "./wire-types.js";

/** Bytes at the end of a message from this size on stay where they are. */
const leastTailBytes = 1024;

/** A message in one or two pieces that follow each other: the second is the memory of its last bytes field. */
export type MessageParts = readonly [head: Uint8Array] | readonly [head: Uint8Array, tail: Uint8Array];

/** Grows to the longest head that was written. */
let scratch: Buffer = Buffer.allocUnsafeSlow(16_384);

/**
 * Writes a message as protobuf does. It is written from its end to its beginning, so that a length is known
 * when its place is reached; the pieces are the caller's.
 * @throws StagecoachError INTERNAL naming the field whose value does not fit its type
 */
export function encodeMessage(schema: Schema, message: object): MessageParts {
  const writer: Writer = { at: scratch.length, tail: undefined };
  writeMessage(writer, schema, message as Message);
  // A copy of its own memory: it may be transferred, and the scratch is written again before it is sent.
  const head = new Uint8Array(scratch.subarray(writer.at));
  return writer.tail === undefined ? [head] : [head, writer.tail];
}

interface Writer {
  /** The first byte that is written. */
  at: number;
  /** What follows the scratch's end. */
  tail: Uint8Array | undefined;
}

function writeMessage(writer: Writer, schema: Schema, message: Message): void {
  for (let index = schema.fields.length - 1; index >= 0; index--) {
    const field = schema.fields[index] as Field;
    const value = message[field.name];
    if (value !== undefined && value !== null) writeField(writer, schema, field, value);
  }
}

function writeField(writer: Writer, schema: Schema, field: Field, value: unknown): void {
  const { number, kind } = field;
  switch (kind) {
    case "uint":
      if (value === 0) return;
      writeUint(writer, checked(value, schema, field));
      break;
    case "bool":
      if (value === false) return;
      writeUint(writer, 1);
      break;
    case "enum": {
      const at = (field.names ?? []).indexOf(value as string);
      if (at < 0) throw misfit(schema, field, value);
      if (at === 0) return;
      writeUint(writer, at);
      break;
    }
    case "float":
      if (Object.is(value, 0)) return;
      writeFloat(writer, value as number);
      break;
    case "message":
      writeDelimited(writer, () => writeMessage(writer, field.of as Schema, value as Message));
      break;
    case "messages":
      writeMessages(writer, field, value as Message[]);
      return;
    case "bytes":
    case "string":
    case "uints":
    case "floats": {
      const { length } = value as { length: number };
      if (length === 0) return;
      writeDelimited(writer, () => writeContent(writer, schema, field, value));
    }
  }
  writeUint(writer, number * 8 + wireTypes[kind]);
}

function writeContent(writer: Writer, schema: Schema, field: Field, value: unknown): void {
  if (field.kind === "bytes" || field.kind === "string") {
    writeBytes(writer, field.kind === "bytes" ? (value as Uint8Array) : Buffer.from(value as string, "utf8"));
    return;
  }
  const values = value as readonly number[];
  for (let index = values.length - 1; index >= 0; index--) {
    if (field.kind === "floats") writeFloat(writer, values[index] as number);
    else writeUint(writer, checked(values[index], schema, field));
  }
}

/** Repeated messages carry their tag each. */
function writeMessages(writer: Writer, { number, kind, of }: Field, messages: readonly Message[]): void {
  for (let index = messages.length - 1; index >= 0; index--) {
    writeDelimited(writer, () => writeMessage(writer, of as Schema, messages[index] as Message));
    writeUint(writer, number * 8 + wireTypes[kind]);
  }
}

/** What `write` writes, after its length. Growing moves everything to the scratch's end, so it is counted from there. */
function writeDelimited(writer: Writer, write: () => void): void {
  const before = writtenBytes(writer);
  write();
  writeUint(writer, writtenBytes(writer) - before);
}

function writtenBytes({ at, tail }: Writer): number {
  return scratch.length - at + (tail?.byteLength ?? 0);
}

function writeBytes(writer: Writer, bytes: Uint8Array): void {
  if (writer.tail === undefined && writer.at === scratch.length && bytes.byteLength >= leastTailBytes) {
    writer.tail = bytes;
    return;
  }
  reserve(writer, bytes.byteLength);
  writer.at -= bytes.byteLength;
  scratch.set(bytes, writer.at);
}

function writeFloat(writer: Writer, value: number): void {
  reserve(writer, 4);
  writer.at -= 4;
  scratch.writeFloatLE(value, writer.at);
}

/** Divides instead of shifting above 31 bits, where shifts wrap. */
function writeUint(writer: Writer, value: number): void {
  let size = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++;
  reserve(writer, size);
  writer.at -= size;
  let rest = value;
  for (let index = 0; index < size - 1; index++) {
    scratch[writer.at + index] = (rest % 128) + 128;
    rest = Math.floor(rest / 128);
  }
  scratch[writer.at + size - 1] = rest;
}

function reserve(writer: Writer, sizeBytes: number): void {
  if (sizeBytes <= writer.at) return;
  const used = scratch.length - writer.at;
  const larger = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(used + sizeBytes)) * 2);
  larger.set(scratch.subarray(writer.at), larger.length - used);
  scratch = larger;
  writer.at = larger.length - used;
}

function checked(value: unknown, schema: Schema, field: Field): number {
  if (
    Number.isSafeInteger(value) &&
    (value as number) >= 0 &&
    (value as number) <= (field.most ?? 0xffff_ffff)
  ) {
    return value as number;
  }
  throw misfit(schema, field, value);
}

function misfit(schema: Schema, { name, kind }: Field, value: unknown): StagecoachError {
  return new StagecoachError(
    "INTERNAL",
    `${schema.name}.${name} cannot be ${String(value)}: it is a ${kind}`,
  );
}
