import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { tempFolder } from "../../test/fixtures/temp-folder.js";
import { readGgufHeader } from "./gguf-header.js";
import type { GgufValue } from "./gguf-metadata.js";
import type { GgufScalarType } from "./gguf-types.js";
import { type GgufContents, type GgufTensor, writeGguf } from "./gguf-writer.js";
import { OpenFile } from "./open-file.js";

const metadata = new Map<string, GgufValue>([
  ["text", "grüß dich"],
  ["whole", 7],
  ["negative", -7],
  ["fraction", 0.25],
  ["float", 10_000],
  ["flag", true],
  ["long", 2n ** 63n],
  ["texts", ["a", "", "ü"]],
  ["numbers", Float32Array.of(1.5, -2)],
  ["flags", Uint8Array.of(0, 1)],
]);
const types = new Map<string, GgufScalarType>([
  ["float", "float32"],
  ["flags", "bool"],
]);
const tensors: GgufTensor[] = [
  { name: "a", shape: [3, 5], encoding: "F16", data: () => new Uint8Array(30).fill(1) },
  { name: "b", shape: [2, 64], encoding: "Q4_1", data: async () => new Uint8Array(80).fill(2) },
];

async function write(contents: GgufContents) {
  const path = join(await tempFolder(), "written.gguf");
  await writeGguf(path, contents);
  const file = await OpenFile.open(path);
  try {
    return { path, header: readGgufHeader(file) };
  } finally {
    await file.close();
  }
}

test("what is written can be read, types included", async () => {
  const { path, header } = await write({ metadata, types, tensors });
  expect(header.metadata).toEqual(metadata);
  expect(Object.fromEntries(header.types)).toEqual({
    text: "string",
    whole: "uint32",
    negative: "int32",
    fraction: "float32",
    float: "float32",
    flag: "bool",
    long: "uint64",
    texts: "string",
    numbers: "float32",
    flags: "bool",
  });
  const bytes = await readFile(path);
  for (const [i, { name, shape, encoding }] of tensors.entries()) {
    const read = header.tensors.get(name);
    expect(read).toMatchObject({ shape, encoding });
    const start = read?.offsetBytes ?? 0;
    expect(new Set(bytes.subarray(start, start + (read?.sizeBytes ?? 0)))).toEqual(new Set([i + 1]));
  }
});

test("writing what was read gives the same bytes", async () => {
  const { path, header } = await write({ metadata, types, tensors });
  const again = await write({ metadata: header.metadata, types: header.types, tensors });
  expect((await readFile(again.path)).equals(await readFile(path))).toBe(true);
});

test("another alignment is not kept", async () => {
  const { header } = await write({ metadata: new Map([["general.alignment", 4096]]), tensors });
  expect(header.metadata.get("general.alignment")).toBe(32);
});

test("leaves nothing behind when a tensor does not fit", async () => {
  const folder = await tempFolder();
  const bad = { name: "c", shape: [4], encoding: "F32", data: () => new Uint8Array(15) } as const;
  await expect(writeGguf(join(folder, "x.gguf"), { metadata, tensors: [...tensors, bad] })).rejects.toThrow(
    /tensor c \[4\] takes 16 bytes as F32, but 15 were given/,
  );
  expect(await readdir(folder)).toEqual([]);
});

test.each<[GgufValue, GgufScalarType]>([
  [300, "uint8"],
  [-1, "uint32"],
  [1.5, "uint64"],
])("refuses %d as %s", async (value, type) => {
  const contents = { metadata: new Map([["k", value]]), types: new Map([["k", type]]), tensors: [] };
  await expect(write(contents)).rejects.toThrow(new RegExp(`k is ${value}, which is no ${type}`));
});
