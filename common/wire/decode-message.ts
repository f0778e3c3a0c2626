import { StagecoachError } from "../errors.js";
import type { Field, Message, Schema } from "./schema.js";
import { wireTypes } from "./wire-types.js";

/** Longest varint that protobuf writes. */
const maxVarintBytes = 10;

const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Reads a message as protobuf writes it, with every field set, as generated types of reading have them. Bytes
 * fields are views of the message's memory. Fields that the schema lacks are skipped, as newer senders may have them.
 * It is stricter than protobuf where leniency would change a meaning: numbers beyond their type, another wire type
 * than the field's, unknown enum values and two members of a oneof are refused.
 * @param tail what follows `bytes`, where the message is in two pieces as `encodeMessage` gives them: all of one
 * bytes field, and the message's last
 * @throws StagecoachError INVALID_ARGUMENT naming the field and what is wrong with it; memory is only taken for
 * what is really there
 */
export function decodeMessage(schema: Schema, bytes: Uint8Array, tail?: Uint8Array): Message {
  const reader: Reader = {
    bytes: asBuffer(bytes),
    ...(tail !== undefined && { tail: asBuffer(tail) }),
    at: 0,
    path: schema.name,
  };
  return readMessage(reader, schema, bytes.byteLength + (tail?.byteLength ?? 0));
}

interface Reader {
  readonly bytes: Buffer;
  readonly tail?: Buffer;
  at: number;
  /** The field that is being read, for errors. */
  path: string;
}

function readMessage(reader: Reader, schema: Schema, end: number): Message {
  const message = schema.empty();
  while (reader.at < end) {
    reader.path = schema.name;
    const tag = readUint(reader, end, 0xffff_ffff);
    const number = Math.floor(tag / 8);
    const wireType = tag % 8;
    if (number === 0) throw invalid(reader, "has a field with the number 0");
    const field = schema.fields.find((candidate) => candidate.number === number);
    if (field === undefined) {
      reader.path = `${schema.name}, field ${number}`;
      skip(reader, wireType, end, number);
      continue;
    }
    reader.path = `${schema.name}.${field.name}`;
    readField(reader, field, wireType, message, end);
  }
  return message;
}

function readField(reader: Reader, field: Field, wireType: number, message: Message, end: number): void {
  const { name, kind, oneof } = field;
  if (kind === "uints" || kind === "floats") {
    readRepeated(reader, field, wireType, message[name] as number[], end);
    return;
  }
  if (wireType !== wireTypes[kind]) {
    throw invalid(reader, `has wire type ${wireType} where ${wireTypes[kind]} was due`);
  }
  const { path } = reader;
  const value = readValue(reader, field, end);
  if (kind === "messages") (message[name] as Message[]).push(value as Message);
  else message[name] = value;
  if (oneof === undefined) return;
  reader.path = path;
  if ((message[oneof] ?? name) !== name) throw invalid(reader, `comes beside ${String(message[oneof])}`);
  message[oneof] = name;
}

function readValue(reader: Reader, field: Field, end: number): unknown {
  switch (field.kind) {
    case "uint":
      return readUint(reader, end, field.most ?? 0xffff_ffff);
    case "bool":
      return readUint(reader, end, 1) === 1;
    case "enum":
      return field.names?.[readUint(reader, end, field.names.length - 1)];
    case "float":
      return readFloat(reader, end);
    case "string":
      return readText(reader, readBytes(reader, end));
    case "message":
    case "messages": {
      const size = readLength(reader, end);
      return readMessage(reader, field.of as Schema, reader.at + size);
    }
    case "bytes":
      return readBytes(reader, end);
    case "uints":
    case "floats":
      throw new StagecoachError("INTERNAL", `${reader.path} is repeated`);
  }
}

/** Packed, or one by one as older writers do. */
function readRepeated(reader: Reader, field: Field, wireType: number, into: number[], end: number): void {
  const floats = field.kind === "floats";
  const one = floats ? 5 : 0;
  if (wireType !== 2 && wireType !== one) {
    throw invalid(reader, `has wire type ${wireType} where 2 or ${one} was due`);
  }
  const until = wireType === 2 ? readLength(reader, end) + reader.at : undefined;
  do {
    if (until !== undefined && reader.at >= until) return;
    into.push(floats ? readFloat(reader, until ?? end) : readUint(reader, until ?? end, 0xffff_ffff));
  } while (until !== undefined);
}

function readUint(reader: Reader, end: number, most: number): number {
  const { bytes } = reader;
  let value = 0;
  let scale = 1;
  for (let size = 1; size <= maxVarintBytes; size++) {
    if (reader.at >= Math.min(end, bytes.length)) throw invalid(reader, "is cut off in a number");
    const byte = bytes[reader.at++] as number;
    value += (byte & 127) * scale;
    if (byte < 128) {
      if (value > most) throw invalid(reader, `has a number above ${most}`);
      return value;
    }
    scale *= 128;
  }
  throw invalid(reader, `has a number of more than ${maxVarintBytes} bytes`);
}

function readFloat(reader: Reader, end: number): number {
  if (reader.at + 4 > Math.min(end, reader.bytes.length)) throw invalid(reader, "is cut off in a number");
  reader.at += 4;
  return reader.bytes.readFloatLE(reader.at - 4);
}

/** A length that what is left can hold. */
function readLength(reader: Reader, end: number): number {
  const size = readUint(reader, end, Number.MAX_SAFE_INTEGER);
  if (size > end - reader.at) {
    throw invalid(reader, `says that it has ${size} bytes where ${end - reader.at} are left`);
  }
  return size;
}

function readBytes(reader: Reader, end: number): Buffer {
  const size = readLength(reader, end);
  const { bytes, tail, at } = reader;
  reader.at += size;
  if (reader.at <= bytes.length) return bytes.subarray(at, reader.at);
  if (at === bytes.length && size === tail?.length) return tail;
  throw invalid(reader, "lies across the pieces of the message");
}

function readText(reader: Reader, bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new StagecoachError("INVALID_ARGUMENT", `${reader.path} is not UTF-8`, { cause });
  }
}

function skip(reader: Reader, wireType: number, end: number, number: number): void {
  switch (wireType) {
    case 0:
      readUint(reader, end, Number.POSITIVE_INFINITY);
      return;
    case 1:
    case 5: {
      const size = wireType === 1 ? 8 : 4;
      if (size > Math.min(end, reader.bytes.length) - reader.at) throw invalid(reader, "is cut off");
      reader.at += size;
      return;
    }
    case 2:
      readBytes(reader, end);
      return;
    default:
      // Groups were given up before proto3; nothing of ours has ever written one.
      throw invalid(reader, `has wire type ${wireType} in field ${number}`);
  }
}

function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

function invalid({ path, at }: Reader, what: string): StagecoachError {
  return new StagecoachError("INVALID_ARGUMENT", `${path} ${what} (at byte ${at})`);
}
