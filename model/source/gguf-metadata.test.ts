import { describe, expect, test } from "vitest";

import {
  findNumberArray,
  findString,
  type GgufMetadata,
  type GgufValue,
  getBoolean,
  getNumber,
  getNumberArray,
  getString,
  getStringArray,
} from "./gguf-metadata.js";

const metadata: GgufMetadata = new Map<string, GgufValue>([
  ["text", "hello"],
  ["number", 3],
  ["infinite", Number.POSITIVE_INFINITY],
  ["big", 2n ** 63n],
  ["flag", false],
  ["texts", ["a", "b"]],
  ["floats", Float32Array.of(0.5, -1)],
  ["longs", BigInt64Array.of(-5n, 7n)],
  ["too long", BigUint64Array.of(1n, 2n ** 60n)],
]);

test("values by key", () => {
  expect(getString(metadata, "text")).toBe("hello");
  expect(getNumber(metadata, "number")).toBe(3);
  expect(getBoolean(metadata, "flag")).toBe(false);
  expect(getStringArray(metadata, "texts")).toEqual(["a", "b"]);
  expect([...Array.from(getNumberArray(metadata, "floats"))]).toEqual([0.5, -1]);
  expect([...Array.from(getNumberArray(metadata, "longs"))]).toEqual([-5, 7]);
});

test("an absent key", () => {
  expect(findString(metadata, "other")).toBeUndefined();
  expect(findNumberArray(metadata, "other")).toBeUndefined();
  expect(() => getString(metadata, "other")).toThrow(
    expect.objectContaining({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining('no metadata "other"'),
    }),
  );
});

describe("a value of another kind", () => {
  test.each<[name: string, read: () => unknown, message: RegExp]>([
    ["string", () => getString(metadata, "number"), /"number" should be a string and is 3/],
    ["number", () => getNumber(metadata, "text"), /"text" should be a finite number and is hello/],
    [
      "infinite number",
      () => getNumber(metadata, "infinite"),
      /"infinite" should be a finite number and is Infinity/,
    ],
    [
      "bigint",
      () => getNumber(metadata, "big"),
      /"big" should be a finite number and is 9223372036854775808/,
    ],
    [
      "array for a number",
      () => getNumber(metadata, "floats"),
      /"floats" should be .* and is another kind of array/,
    ],
    ["truth value", () => getBoolean(metadata, "number"), /"number" should be true or false and is 3/],
    ["strings", () => getStringArray(metadata, "floats"), /"floats" should be an array of strings/],
    ["numbers", () => getNumberArray(metadata, "texts"), /"texts" should be an array of numbers/],
    [
      "large integers",
      () => getNumberArray(metadata, "too long"),
      /"too long\[1\]" .* is 1152921504606846976/,
    ],
  ])("%s", (_, read, message) => {
    expect(read).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringMatching(message) }),
    );
  });
});
