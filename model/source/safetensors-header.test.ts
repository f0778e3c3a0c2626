import { truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { rawSafetensors, safetensorsFile } from "../../test/fixtures/safetensors-writer.js";
import { tempFolder } from "../../test/fixtures/temp-folder.js";
import { OpenFile } from "./open-file.js";
import { readSafetensorsHeader } from "./safetensors-header.js";
import type { StoredTensor } from "./stored-tensor.js";

async function read(bytes: Uint8Array): Promise<ReadonlyMap<string, StoredTensor>> {
  const path = join(await tempFolder(), "model.safetensors");
  await writeFile(path, bytes);
  const file = await OpenFile.open(path);
  try {
    return await readSafetensorsHeader(file);
  } finally {
    await file.close();
  }
}

const sound = safetensorsFile([
  { name: "a", dtype: "F32", shape: [3, 4], bytes: new Uint8Array(48) },
  { name: "tést", dtype: "BF16", shape: [5], bytes: new Uint8Array(10) },
  { name: "scalar", dtype: "F16", shape: [], bytes: new Uint8Array(2) },
]);

test("a sound file", async () => {
  const tensors = await read(sound);
  expect([...tensors.keys()]).toEqual(["a", "tést", "scalar"]);
  expect(tensors.get("a")).toMatchObject({ shape: [3, 4], encoding: "F32", sizeBytes: 48 });
  expect(tensors.get("scalar")?.offsetBytes).toBe(sound.length - 2);
});

test("cut off anywhere", async () => {
  const path = join(await tempFolder(), "model.safetensors");
  await writeFile(path, sound);
  for (let length = sound.length - 1; length >= 0; length--) {
    await truncate(path, length);
    const file = await OpenFile.open(path);
    await expect(readSafetensorsHeader(file), `cut at ${length}`).rejects.toMatchObject({
      code: "DATA_LOSS",
      message: expect.stringMatching(/^model\.safetensors has .*: it is cut off, download it again$/),
    });
    await file.close();
  }
});

test("bytes after the last tensor", async () => {
  await expect(read(Buffer.concat([sound, new Uint8Array(3)]))).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    message: expect.stringMatching(/has \d+ bytes, but its tensors end at \d+/),
  });
});

describe("a hostile header", () => {
  test.each([2n ** 63n, 2n ** 64n - 1n, 100_000_001n])("of %d bytes", async (length) => {
    await expect(read(rawSafetensors("{}", new Uint8Array(0), length))).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(new RegExp(`its header has ${length} bytes`)),
    });
  });
  test.each([
    ["no JSON", "{", /header of model\.safetensors is not JSON/],
    ["no object", "[1]", /is JSON, but not an object/],
    ["deep nesting", "[".repeat(200_000), /is not JSON/],
    ["no UTF-8", "\ud800", /is not JSON|is not UTF-8/],
    ["an entry that is no object", '{"a": 3}', /tensor "a" is 3, not an object/],
    [
      "a tensor twice",
      '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
      /names a tensor twice/,
    ],
  ])("%s", async (_, header, message) => {
    await expect(read(rawSafetensors(header, new Uint8Array(4)))).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(message),
    });
  });

  test("that is not UTF-8", async () => {
    const bytes = rawSafetensors('{"a?":{}}', new Uint8Array(0));
    bytes[11] = 0xff;
    await expect(read(bytes)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(/not UTF-8/),
    });
  });
});

describe("a hostile tensor", () => {
  const good = { dtype: "F32", shape: [2], data_offsets: [0, 8] };
  const cases: [name: string, entry: object, message: RegExp][] = [
    ["of integers", { ...good, dtype: "I64" }, /"a" has dtype "I64"; supported are F32, F16, BF16/],
    ["of a type that every object has", { ...good, dtype: "constructor" }, /dtype "constructor"/],
    ["of no type", { ...good, dtype: undefined }, /dtype undefined/],
    ["of 8-bit floats", { ...good, dtype: "F8_E4M3" }, /dtype "F8_E4M3"/],
    ["without shape", { ...good, shape: undefined }, /shape "none"/],
    ["of negative size", { ...good, shape: [-2] }, /shape "\[-2\]"/],
    ["of half a size", { ...good, shape: [2.5] }, /shape "\[2.5\]"/],
    ["of size zero", { ...good, shape: [0], data_offsets: [0, 0] }, /shape "\[0\]"/],
    [
      "of a product that overflows",
      { ...good, shape: [2 ** 32, 2 ** 32] },
      /shape "\[4294967296,4294967296\]"/,
    ],
    ["of a product that overflows to zero", { ...good, shape: new Array(8).fill(2 ** 52) }, /shape "\[4503/],
    ["of 2^53", { ...good, shape: [2 ** 53] }, /shape "\[9007199254740992\]"/],
    ["of too many dimensions", { ...good, shape: new Array(9).fill(1) }, /up to 8 sizes/],
    ["without offsets", { ...good, data_offsets: undefined }, /data_offsets "none"/],
    ["with three offsets", { ...good, data_offsets: [0, 8, 8] }, /"\[0,8,8\]", which are not two offsets/],
    ["with offsets of texts", { ...good, data_offsets: ["0", "8"] }, /which are not two offsets/],
    [
      "that ends before it begins",
      { ...good, data_offsets: [8, 0] },
      /\[8, 0\], but \[2\] F32 takes 8 bytes/,
    ],
    [
      "of another size than its shape",
      { ...good, data_offsets: [0, 12] },
      /\[0, 12\], but \[2\] F32 takes 8/,
    ],
    ["after a gap", { ...good, data_offsets: [4, 12] }, /"a" leaves a gap before it/],
  ];
  test.each(cases)("%s", async (_, entry, message) => {
    const file = rawSafetensors(JSON.stringify({ a: entry }), new Uint8Array(12));
    await expect(read(file)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(message),
    });
  });

  test("beyond the file", async () => {
    const file = rawSafetensors(
      JSON.stringify({ a: { dtype: "F32", shape: [2 ** 40], data_offsets: [0, 2 ** 42] } }),
      new Uint8Array(8),
    );
    await expect(read(file)).rejects.toMatchObject({
      code: "DATA_LOSS",
      message: expect.stringMatching(/"a" ends at/),
    });
  });

  test("that overlaps another", async () => {
    const header = { a: good, b: { ...good, data_offsets: [4, 12] } };
    await expect(read(rawSafetensors(JSON.stringify(header), new Uint8Array(12)))).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(/"b" overlaps the tensor before it/),
    });
  });
});
