import { truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type RawGguf, rawGguf, string, uint32, uint64 } from "../../test/fixtures/raw-gguf.js";
import { tempFolder } from "../../test/fixtures/temp-folder.js";
import { type GgufHeader, readGgufHeader } from "./gguf-header.js";
import { OpenFile } from "./open-file.js";

const huge = 2n ** 63n;

async function read(bytes: Uint8Array): Promise<GgufHeader> {
  const path = join(await tempFolder(), "model.gguf");
  await writeFile(path, bytes);
  const file = await OpenFile.open(path);
  try {
    return readGgufHeader(file);
  } finally {
    await file.close();
  }
}

async function expectRefusal(raw: RawGguf, code: "INVALID_ARGUMENT" | "DATA_LOSS", message: RegExp) {
  await expect(read(rawGguf(raw))).rejects.toMatchObject({
    name: "StagecoachError",
    code,
    message: expect.stringMatching(message),
  });
}

/** Two tensors: "a" F32 [3, 4] at 0, "b" Q8_0 [2, 32] at 64. */
const sound: RawGguf = {
  entries: [
    [string("general.name"), uint32(8), string("tést")],
    [string("list"), uint32(9), uint32(8), uint64(2), string("one"), string("")],
    [string("numbers"), uint32(9), uint32(5), uint64(3), uint32(1), uint32(0xffffffff), uint32(7)],
    [string("big"), uint32(10), uint64(huge)],
    [string("small"), uint32(11), uint64(2n ** 64n - 5n)],
    [string("half"), uint32(6), uint32(0x3f000000)],
    [string("yes"), uint32(7), Uint8Array.of(1)],
  ],
  tensors: [
    { name: "a", dimensions: [4, 3], type: 0, offset: 0 },
    { name: "b", dimensions: [32, 2], type: 8, offset: 64 },
  ],
  dataBytes: 64 + 68,
};

describe("a sound file", () => {
  test.each([2, 3])("version %i", async (version) => {
    const { metadata, types, tensors } = await read(rawGguf({ ...sound, version }));
    expect(Object.fromEntries(metadata)).toEqual({
      "general.name": "tést",
      list: ["one", ""],
      numbers: Int32Array.of(1, -1, 7),
      big: huge,
      small: -5,
      half: 0.5,
      yes: true,
    });
    expect(types.get("numbers")).toBe("int32");
    const [a, b] = [...tensors.values()];
    expect(a).toMatchObject({ name: "a", shape: [3, 4], encoding: "F32", sizeBytes: 48 });
    expect(b).toMatchObject({ name: "b", shape: [2, 32], encoding: "Q8_0", sizeBytes: 68 });
    expect((a?.offsetBytes ?? 1) % 32).toBe(0);
    expect((b?.offsetBytes ?? 0) - (a?.offsetBytes ?? 0)).toBe(64);
  });

  test("with another alignment", async () => {
    const alignment = [string("general.alignment"), uint32(4), uint32(256)];
    const { tensors } = await read(
      rawGguf({
        entries: [alignment],
        tensors: [{ name: "a", dimensions: [1], type: 0, offset: 256 }],
        dataBytes: 260,
        alignment: 256,
      }),
    );
    expect((tensors.get("a")?.offsetBytes ?? 1) % 256).toBe(0);
  });

  test("with strings longer than the reader's window", async () => {
    const long = "x".repeat(3 * 2 ** 20);
    const entries = [1, 2, 3].map((i) => [string(`long${i}`), uint32(8), string(long + i)]);
    const { metadata } = await read(rawGguf({ entries, tensors: [], dataBytes: 0 }));
    expect(metadata.get("long3")).toBe(`${long}3`);
    expect(metadata.size).toBe(3);
  });
});

test("cut off anywhere", async () => {
  const path = join(await tempFolder(), "model.gguf");
  const whole = rawGguf(sound);
  await writeFile(path, whole);
  for (let length = whole.length - 1; length >= 0; length--) {
    await truncate(path, length);
    const file = await OpenFile.open(path);
    expect(() => readGgufHeader(file), `cut at ${length}`).toThrow(
      expect.objectContaining({
        code: "DATA_LOSS",
        message: expect.stringMatching(/^model\.gguf: .*download it again$/),
      }),
    );
    await file.close();
  }
});

describe("a hostile header", () => {
  test("is no GGUF", async () => {
    await expect(read(Buffer.from("\u0000asm and the rest"))).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(/starts with "\\u0000asm" and not with "GGUF"/),
    });
  });
  test.each([0, 1, 4])("version %i", (version) =>
    expectRefusal({ ...sound, version }, "INVALID_ARGUMENT", new RegExp(`GGUF version ${version},.*convert`)),
  );
  test("big-endian", () =>
    expectRefusal({ ...sound, version: 0x03000000 }, "INVALID_ARGUMENT", /big-endian/));
  test.each([huge, 2n ** 64n - 1n, 1000n])("%d tensors", (tensorCount) =>
    expectRefusal({ ...sound, tensorCount }, "DATA_LOSS", new RegExp(`number of tensors is ${tensorCount}`)),
  );
  test.each([huge, 2n ** 40n])("%d metadata values", (entryCount) =>
    expectRefusal({ ...sound, entryCount }, "DATA_LOSS", new RegExp(`metadata values is ${entryCount}`)),
  );
});

describe("a hostile value", () => {
  const cases: [
    name: string,
    entry: Uint8Array[],
    code: "INVALID_ARGUMENT" | "DATA_LOSS",
    message: RegExp,
  ][] = [
    ["key of 2^63 bytes", [uint64(huge)], "DATA_LOSS", /length of metadata key 0 is 9223372036854775808/],
    ["key of 1 GB", [uint64(10 ** 9)], "DATA_LOSS", /length of metadata key 0 is 1000000000/],
    ["empty key", [string(""), uint32(4), uint32(1)], "INVALID_ARGUMENT", /key 0 has 0 characters/],
    [
      "string beyond the file",
      [string("k"), uint32(8), uint64(5000)],
      "DATA_LOSS",
      /length of metadata "k" is 5000/,
    ],
    [
      "array beyond the file",
      [string("k"), uint32(9), uint32(10), uint64(500)],
      "DATA_LOSS",
      /length of metadata "k" is 500/,
    ],
    [
      "array of 2^63",
      [string("k"), uint32(9), uint32(0), uint64(huge)],
      "DATA_LOSS",
      /"k" is 9223372036854775808/,
    ],
    [
      "array whose size overflows",
      [string("k"), uint32(9), uint32(12), uint64(2n ** 61n)],
      "DATA_LOSS",
      /"k" is 2305843009213693952/,
    ],
    [
      "strings in an array beyond the file",
      [string("k"), uint32(9), uint32(8), uint64(1), uint64(9999)],
      "DATA_LOSS",
      /"k"\[0\] is 9999/,
    ],
    [
      "array of arrays",
      [string("k"), uint32(9), uint32(9), uint64(1), uint32(9), uint32(0), uint64(0)],
      "INVALID_ARGUMENT",
      /"k" is an array of arrays/,
    ],
    ["unknown type", [string("k"), uint32(13), uint32(0)], "INVALID_ARGUMENT", /"k" has type 13/],
    [
      "unknown element type",
      [string("k"), uint32(9), uint32(4294967295), uint64(0)],
      "INVALID_ARGUMENT",
      /an element of metadata "k" has type 4294967295/,
    ],
  ];
  test.each(cases)("%s", (_, entry, code, message) =>
    expectRefusal({ entries: [entry], tensors: [], dataBytes: 200 }, code, message),
  );

  test("key twice", () => {
    const entry = [string("k"), uint32(4), uint32(1)];
    return expectRefusal(
      { ...sound, entries: [entry, entry] },
      "INVALID_ARGUMENT",
      /metadata "k" is there twice/,
    );
  });

  test("control characters in a name do not reach the terminal", () =>
    expectRefusal(
      { ...sound, entries: [[string("\u001b[2J\u009b\u202e"), uint32(99)]] },
      "INVALID_ARGUMENT",
      /"\\u001b\[2J\\u009b\\u202e" has type 99/,
    ));

  test.each([0, 3, 2 ** 31])("alignment %d", (alignment) =>
    expectRefusal(
      { ...sound, entries: [[string("general.alignment"), uint32(4), uint32(alignment)]] },
      "INVALID_ARGUMENT",
      new RegExp(`general.alignment is ${alignment}`),
    ),
  );
});

describe("a hostile tensor", () => {
  const good = {
    name: "a",
    dimensions: [4, 3] as (number | bigint)[],
    type: 0,
    offset: 0 as number | bigint,
  };
  const one = (tensor: Partial<typeof good>): RawGguf => ({ ...sound, tensors: [{ ...good, ...tensor }] });
  test("name beyond the file", () =>
    expectRefusal(
      { ...sound, tensors: [], tensorCount: 1n, dataBytes: 0, tail: [uint64(huge), new Uint8Array(40)] },
      "DATA_LOSS",
      /name of tensor 0 is 9223372036854775808/,
    ));
  test("twice", () =>
    expectRefusal(
      { ...sound, tensors: [good, { ...good, offset: 64 }] },
      "INVALID_ARGUMENT",
      /tensor "a" is there twice/,
    ));
  test.each([0, 5, 4294967295])("%d dimensions", (dimensionCount) =>
    expectRefusal(
      { ...sound, tensors: [{ ...good, dimensionCount }] },
      "INVALID_ARGUMENT",
      new RegExp(`"a" has ${dimensionCount} dimensions`),
    ),
  );
  test("a dimension of zero", () =>
    expectRefusal(one({ dimensions: [4, 0] }), "INVALID_ARGUMENT", /"a" has shape \[4, 0\], 0 elements/));
  test("dimensions whose product overflows 64 bits to a small number", () =>
    expectRefusal(
      one({ dimensions: [2n ** 32n, 2n ** 32n + 1n] }),
      "INVALID_ARGUMENT",
      /"a" has shape \[4294967296, 4294967297\]/,
    ));
  test("a dimension of 2^63", () =>
    expectRefusal(one({ dimensions: [huge] }), "INVALID_ARGUMENT", /shape \[9223372036854775808\]/));
  test("a size beyond 2^53", () =>
    expectRefusal(one({ dimensions: [2n ** 52n] }), "INVALID_ARGUMENT", /shape \[4503599627370496\]/));
  test("larger than the file", () =>
    expectRefusal(one({ dimensions: [1000] }), "DATA_LOSS", /"a" ends at byte \d+, beyond the file's/));
  test.each([
    [4, "number 4"],
    [20, "IQ4_NL \\(number 20\\)"],
    [4294967295, "number 4294967295"],
  ])("type %d", (type, described) =>
    expectRefusal(
      one({ type }),
      "INVALID_ARGUMENT",
      new RegExp(`"a" has type ${described}; supported are F32, F16`),
    ),
  );
  test("rows that blocks do not divide", () =>
    expectRefusal(
      one({ type: 8, dimensions: [48, 2] }),
      "INVALID_ARGUMENT",
      /"a" has rows of 48, which Q8_0 .* blocks of 32/,
    ));
  test("an offset off the alignment", () =>
    expectRefusal(one({ offset: 16 }), "INVALID_ARGUMENT", /"a" has offset 16, .* alignment 32/));
  test("an offset of 2^64 - 32", () =>
    expectRefusal(
      one({ offset: 2n ** 64n - 32n }),
      "INVALID_ARGUMENT",
      /"a" has offset 18446744073709551584/,
    ));
  test("an offset beyond the file", () =>
    expectRefusal(one({ offset: 2n ** 40n }), "DATA_LOSS", /"a" ends at byte \d+, beyond/));
  test("two that overlap", () =>
    expectRefusal(
      { ...sound, tensors: [good, { ...good, name: "b", offset: 32 }] },
      "INVALID_ARGUMENT",
      /"a" and "b" overlap/,
    ));
});
