import type { MethodDefinition, ServiceDefinition } from "@grpc/proto-loader";
import { describe, expect, test } from "vitest";
import type { Frame } from "../../proto/gen/stagecoach/v1/Frame.js";
import { randomBytes, seededRandom } from "../../test/fixtures/random.js";
import { StagecoachError } from "../errors.js";
import { packageDefinition } from "../proto.js";
import { decodeMessage } from "./decode-message.js";
import { encodeMessage } from "./encode-message.js";
import { frameBytes, frameParts, joined, readFrameBytes } from "./frame-bytes.js";
import type { Field, Message, Schema } from "./schema.js";
import { frameSchema, outputSchema } from "./stage-schemas.js";

const { Frames, Outputs } = packageDefinition["stagecoach.v1.Stage"] as ServiceDefinition;
const { requestSerialize, requestDeserialize } = Frames as MethodDefinition<object, object>;
const { responseSerialize, responseDeserialize } = Outputs as MethodDefinition<object, object>;

/** The codec that is made from the .proto file, as the one that is right. */
const codecs: [Schema, (value: object) => Buffer, (bytes: Buffer) => object][] = [
  [frameSchema, requestSerialize, requestDeserialize],
  [outputSchema, responseSerialize, responseDeserialize],
];

const forward: Frame = {
  epoch: 3,
  step: 2 ** 40,
  lane: 1,
  forward: {
    sequenceIds: [1, 300],
    contextLengths: [0, 70_000],
    lengths: [1, 1],
    sample: Buffer.of(1, 0),
    hidden: { dtype: "FLOAT32", shape: [2, 512], data: Buffer.alloc(4096, 7) },
    sentAtUs: 1_790_000_000_000_000,
  },
};

describe.each(codecs)("$name", (schema, serialize, deserialize) => {
  test("is read as the generated codec reads it, whoever wrote it", () => {
    const random = seededRandom(1);
    for (let round = 0; round < 300; round++) {
      const message = randomMessage(schema, random);
      const ours = joined(encodeMessage(schema, message));
      const theirs = serialize(message);
      expect(deserialize(ours)).toEqual(deserialize(theirs));
      expect(decodeMessage(schema, ours)).toEqual(deserialize(theirs));
      expect(decodeMessage(schema, theirs)).toEqual(deserialize(theirs));
    }
  });

  test("damaged, is refused with a reason or means what the generated codec says", () => {
    const random = seededRandom(2);
    let refused = 0;
    for (let round = 0; round < 4_000; round++) {
      const bytes = damaged(joined(encodeMessage(schema, randomMessage(schema, random))), random);
      const read = attempt(() => decodeMessage(schema, bytes));
      if ("value" in read) {
        expect(read.value).toEqual(deserialize(bytes));
      } else {
        refused++;
        expect(read.error).toBeInstanceOf(StagecoachError);
        expect(read.error).toMatchObject({ code: "INVALID_ARGUMENT" });
        expect((read.error as Error).message).toMatch(/^[A-Z]\w+([.,] ?\w+( \d+)?)? (is|has|says|comes) /);
      }
    }
    expect(refused).toBeGreaterThan(400);
    expect(refused).toBeLessThan(3_800);
  });
});

test("an activation is neither copied by writing nor by reading", () => {
  const [head, tail] = frameParts(forward);
  expect(tail).toBe(forward.forward?.hidden?.data);
  expect(head.byteLength).toBeLessThan(64);
  const bytes = frameBytes(forward);
  expect(readFrameBytes(bytes).forward?.hidden?.data.buffer).toBe(bytes.buffer);
});

test("a frame in pieces is read as it is in one, over the second piece itself", () => {
  const [head, tail] = frameParts(forward);
  const read = readFrameBytes(head, tail);
  expect(read).toEqual(readFrameBytes(frameBytes(forward)));
  expect(read.forward?.hidden?.data.buffer).toBe(tail?.buffer);
});

test("pieces that were cut elsewhere are refused", () => {
  const bytes = frameBytes(forward);
  const headBytes = frameParts(forward)[0].byteLength;
  for (const cut of [1, 5, headBytes - 1, headBytes + 1, bytes.length - 1]) {
    expect(() => readFrameBytes(bytes.subarray(0, cut), bytes.subarray(cut))).toThrow(
      /is cut off|lies across the pieces/,
    );
  }
});

test("heads longer than what was written before are whole", () => {
  const sequenceIds = Array.from({ length: 60_000 }, (_, index) => index * 70_000);
  expect(readFrameBytes(frameBytes({ ...forward, forward: { sequenceIds } })).forward?.sequenceIds).toEqual(
    sequenceIds,
  );
});

test.each([
  [[0x08], /Frame.epoch is cut off in a number/],
  [[0x08, ...Array(10).fill(0x80), 1], /Frame.epoch has a number of more than 10 bytes/],
  [[0x18, 0xff, 0xff, 0xff, 0xff, 0x7f], /Frame.lane has a number above 4294967295/],
  [
    [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
    /Frame.epoch has a number above 9007199254740991/,
  ],
  [[0x2a, 0x05, 0x22, 0x7f], /Frame.forward says that it has 5 bytes where 2 are left/],
  [[0x2a, 0x02, 0x22, 0x7f], /Forward.sample says that it has 127 bytes where 0 are left/],
  [[0x2a, 0x06, 0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f], /Forward.sequenceIds says that it has 4294967295 bytes/],
  [[0x2a, 0x04, 0x42, 0x02, 0x08, 0x09], /Tensor.dtype has a number above 4/],
  [[0x2d, 0, 0, 0, 0], /Frame.forward has wire type 5 where 2 was due/],
  [[0x2a, 0x00, 0x32, 0x00], /Frame.close comes beside forward/],
  [[0x03], /Frame, field 0|Frame has a field with the number 0/],
])("%j is refused: %s", (bytes, message) => {
  expect(() => readFrameBytes(Uint8Array.from(bytes))).toThrow(message);
});

test("what does not fit its field is not sent", () => {
  expect(() => frameBytes({ lane: -1 })).toThrow(/Frame.lane cannot be -1/);
  expect(() => frameBytes({ epoch: 2 ** 60 })).toThrow(/Frame.epoch cannot be/);
  expect(() => frameBytes({ forward: { sequenceIds: [1.5] } })).toThrow(/Forward.sequenceIds cannot be 1.5/);
});

function randomMessage(schema: Schema, random: () => number): Message {
  const message: Message = {};
  const oneofs = schema.fields.filter(({ oneof }) => oneof !== undefined);
  const member = oneofs[Math.floor(random() * (oneofs.length + 0.3))];
  for (const field of schema.fields) {
    if (field.oneof !== undefined ? field === member : random() < 0.8) {
      message[field.name] = randomValue(field, random);
    }
  }
  return message;
}

function randomValue(field: Field, random: () => number): unknown {
  const { kind, of, names = [], most = 2 ** 32 - 1 } = field;
  const uint = (): number => Math.floor(random() ** 6 * (most + 1));
  const many = <Value>(make: () => Value): Value[] => Array.from({ length: random() * 5 }, make);
  switch (kind) {
    case "uint":
      return uint();
    case "bool":
      return random() < 0.5;
    case "enum":
      return names[Math.floor(random() * names.length)];
    case "float":
      return Math.fround((random() - 0.5) * 100);
    case "string":
      return many(() => ["a", "é", "漢", "😀"][Math.floor(random() * 4)]).join("");
    case "bytes":
      return Buffer.from(randomBytes(Math.floor(random() * (random() < 0.05 ? 3000 : 40)), random));
    case "message":
      return randomMessage(of as Schema, random);
    case "uints":
      return many(uint);
    case "floats":
      return many(() => (random() < 0.2 ? Number.NaN : Math.fround(random())));
    case "messages":
      return many(() => randomMessage(of as Schema, random));
  }
}

/** Cut off, with bytes changed, taken out or put in. */
function damaged(bytes: Buffer, random: () => number): Buffer {
  const at = (): number => Math.floor(random() * Math.min(bytes.length, 60));
  let result = Buffer.from(bytes);
  for (let count = 1 + random() * 3; count >= 1; count--) {
    const kind = Math.floor(random() * 4);
    if (kind === 0) result = result.subarray(0, at());
    if (kind === 1 && result.length > 0) result[at() % result.length] = Math.floor(random() * 256);
    if (kind === 2) result = Buffer.concat([result.subarray(0, at()), result.subarray(at())]);
    if (kind === 3)
      result = Buffer.concat([result.subarray(0, at()), randomBytes(3, random), result.subarray(at())]);
  }
  return result;
}

function attempt<Value>(run: () => Value): { value: Value } | { error: unknown } {
  try {
    return { value: run() };
  } catch (error) {
    return { error };
  }
}
