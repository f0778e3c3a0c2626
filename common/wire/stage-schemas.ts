import { DataType } from "../../proto/gen/stagecoach/v1/DataType.js";
import { type Field, type FieldKind, type Message, most64, type Schema } from "./schema.js";

const none: Buffer = Buffer.alloc(0);

const logitBias = schema("LogitBias", [field(1, "tokenId", "uint"), field(2, "bias", "float")]);

const sampling = schema("Sampling", [
  field(1, "temperature", "float"),
  field(2, "topK", "uint"),
  field(3, "topP", "float"),
  field(4, "minP", "float"),
  field(5, "repetitionPenalty", "float"),
  field(6, "presencePenalty", "float"),
  field(7, "frequencyPenalty", "float"),
  field(8, "logitBias", "messages", { of: logitBias }),
  field(9, "seed", "uint", { most: most64 }),
  field(10, "suppressedTokenIds", "uints"),
  field(11, "suppressedUntilLength", "uint"),
  field(12, "topLogprobs", "uint"),
  field(13, "wantLogprobs", "bool"),
]);

const sequenceOpen = schema("SequenceOpen", [
  field(1, "sequenceId", "uint"),
  field(2, "history", "bytes"),
  field(3, "promptLength", "uint"),
  field(4, "sampling", "message", { of: sampling }),
  field(5, "cachedLength", "uint"),
  field(6, "cachedBlockIds", "uints"),
]);

const open = schema("Open", [field(1, "sequences", "messages", { of: sequenceOpen })]);

const tensor = schema("Tensor", [
  field(1, "dtype", "enum", { names: Object.values(DataType) }),
  field(2, "shape", "uints"),
  field(4, "scales", "bytes"),
  field(3, "data", "bytes"),
]);

const forward = schema("Forward", [
  field(1, "sequenceIds", "uints"),
  field(2, "contextLengths", "uints"),
  field(3, "lengths", "uints"),
  field(4, "sample", "bytes"),
  field(5, "newBlockCounts", "uints"),
  field(6, "newBlockIds", "uints"),
  field(7, "tokenIds", "bytes"),
  field(9, "sentAtUs", "uint", { most: most64 }),
  field(8, "hidden", "message", { of: tensor }),
]);

const close = schema("Close", [field(1, "sequenceIds", "uints"), field(2, "keptBlockCounts", "uints")]);

/** Frame of stage.proto. */
export const frameSchema: Schema = schema("Frame", [
  field(1, "epoch", "uint", { most: most64 }),
  field(2, "step", "uint", { most: most64 }),
  field(3, "lane", "uint"),
  field(4, "open", "message", { of: open, oneof: "payload" }),
  field(6, "close", "message", { of: close, oneof: "payload" }),
  field(5, "forward", "message", { of: forward, oneof: "payload" }),
]);

/** Only the epoch of a Frame; the rest is skipped. */
export const frameEpochSchema: Schema = schema("Frame", [field(1, "epoch", "uint", { most: most64 })]);

const tokens = schema("Tokens", [
  field(1, "sequenceIds", "uints"),
  field(2, "tokenIds", "uints"),
  field(3, "logprobs", "floats"),
  field(4, "topCounts", "uints"),
  field(5, "topTokenIds", "uints"),
  field(6, "topLogprobs", "floats"),
]);

const stageFailure = schema("StageFailure", [
  field(1, "code", "uint"),
  field(2, "message", "string"),
  field(3, "sequenceIds", "uints"),
]);

/** Output of stage.proto. */
export const outputSchema: Schema = schema("Output", [
  field(1, "epoch", "uint", { most: most64 }),
  field(2, "step", "uint", { most: most64 }),
  field(3, "lane", "uint"),
  field(4, "tokens", "message", { of: tokens, oneof: "payload" }),
  field(5, "failure", "message", { of: stageFailure, oneof: "payload" }),
]);

function field(
  number: number,
  name: string,
  kind: FieldKind,
  more: Pick<Field, "most" | "names" | "of" | "oneof"> = {},
): Field {
  return { number, name, kind, ...more };
}

function schema(name: string, fields: readonly Field[]): Schema {
  return { name, fields, empty: () => emptyOf(fields) };
}

function emptyOf(fields: readonly Field[]): Message {
  const message: Message = {};
  for (const { name, kind, oneof, names } of fields) {
    if (oneof === undefined) message[name] = names?.[0] ?? defaultOf(kind);
  }
  return message;
}

function defaultOf(kind: FieldKind): unknown {
  switch (kind) {
    case "uint":
    case "float":
      return 0;
    case "bool":
      return false;
    case "enum":
    case "string":
      return "";
    case "bytes":
      return none;
    case "message":
      return null;
    case "uints":
    case "floats":
    case "messages":
      return [];
  }
}
