import { describe, expect, test } from "vitest";
import { preTokenizerKind, preTokenizerNames } from "./pre-tokenizer-kinds.js";
import { createPreTokenizer } from "./split-text.js";

function split(config: object, text: string): string[] {
  return createPreTokenizer(config).split(text, true);
}

describe("behaviors, after the examples in the documentation of Hugging Face's tokenizers", () => {
  const text = "the-final--countdown";
  const config = (behavior: string, invert = false) => ({
    type: "Split",
    pattern: { String: "-" },
    behavior,
    invert,
  });

  test.each([
    ["Removed", ["the", "final", "countdown"]],
    ["Isolated", ["the", "-", "final", "-", "-", "countdown"]],
    ["MergedWithPrevious", ["the-", "final-", "-", "countdown"]],
    ["MergedWithNext", ["the", "-final", "-", "-countdown"]],
    ["Contiguous", ["the", "-", "final", "--", "countdown"]],
  ])("%s", (behavior, words) => {
    expect(split(config(behavior), text)).toEqual(words);
  });

  test("inverted, the pattern says what is kept", () => {
    expect(split(config("Removed", true), text)).toEqual(["-", "-", "-"]);
  });
});

test("digits are those of all scripts", () => {
  expect(split({ type: "Digits", individual_digits: true }, "a12٣b½")).toEqual([
    "a",
    "1",
    "2",
    "٣",
    "b",
    "½",
  ]);
});

describe("Metaspace", () => {
  const metaspace = (prepend_scheme: string, splits = false) =>
    createPreTokenizer({ type: "Metaspace", prepend_scheme, split: splits });

  test("puts a mark before the first stretch only, or before every one, or before none", () => {
    expect(metaspace("first").split("a b", true)).toEqual(["▁a▁b"]);
    expect(metaspace("first").split("a b", false)).toEqual(["a▁b"]);
    expect(metaspace("always").split("a b", false)).toEqual(["▁a▁b"]);
    expect(metaspace("never").split("a b", true)).toEqual(["a▁b"]);
  });

  test("cuts before marks", () => {
    expect(metaspace("always", true).split("ab  c", true)).toEqual(["▁ab", "▁", "▁c"]);
  });
});

test("a ByteLevel that puts a space first does so once", () => {
  const config = { type: "ByteLevel", add_prefix_space: true };
  expect(split(config, "it's 3!")).toEqual([" it", "'s", " 3", "!"]);
  expect(split(config, " it")).toEqual([" it"]);
});

test("refuses what it does not know by name", () => {
  expect(() => createPreTokenizer({ type: "UnicodeScripts" })).toThrow(/UnicodeScripts.*not supported/);
  expect(() =>
    createPreTokenizer({ type: "Sequence", pretokenizers: [{ type: "ByteLevel" }, { type: "Whitespace" }] }),
  ).toThrow(/Whitespace after ByteLevel/);
  expect(() => createPreTokenizer({ type: "Split", pattern: { Regex: "(" }, behavior: "Isolated" })).toThrow(
    /pattern "\(" cannot be read/,
  );
});

const sample =
  "I'M here,  don't PANIC: 12345 x=3.14\n\n  çà 北京 مرحبا۔ \t(end)…   \r\nHello_World camelCase ÉCOLE 😀!? " +
  "' 'tis \u0301x 12 34 <b> `q` 가나 ";

describe.each(preTokenizerNames)("kind %s", (name) => {
  const config = {
    type: "Sequence",
    pretokenizers: preTokenizerKind(name).splits.map((pattern) => ({
      type: "Split",
      pattern: { Regex: pattern },
      behavior: "Isolated",
    })),
  };

  test("cuts without losing anything", () => {
    const words = split(config, sample);
    expect(words.join("")).toBe(sample);
    expect(words.length).toBeGreaterThan(20);
  });

  test("takes long runs in linear time", () => {
    for (const text of [" ", "a", "\n", "1", "é1 ", "A"]) {
      expect(split(config, `${text.repeat(30_000)}x`).join("")).toHaveLength(text.length * 30_000 + 1);
    }
  });
});

test.each([
  ["gpt-2", "Don't  go12 3\n\n x", ["Don", "'t", " ", " go", "12", " 3", "\n\n", " x"]],
  ["smollm", "Don't go12 3", ["Don", "'t", " go", "1", "2", " ", "3"]],
  ["llama-bpe", "DON'T go12345 $x\n y", ["DON", "'T", " go", "123", "45", " $", "x", "\n", " y"]],
  ["qwen2", "DON'T go12 x!\n y", ["DON", "'T", " go", "1", "2", " x", "!\n", " y"]],
  ["tekken", "HelloWorld ABCdef 12", ["Hello", "World", " ABCdef", " ", "1", "2"]],
  ["gpt-4o", "HelloWorld's 1234", ["Hello", "World's", " ", "123", "4"]],
  ["deepseek-v3", "ab 1234北京x!y", ["ab", " ", "123", "4", "北京", "x", "!y"]],
  ["deepseek-coder", "a b!\n12", ["a", " b", "!", "\n", "1", "2"]],
  ["deepseek-llm", "a b!\n12  ", ["a", " b", "!", "\n", "12", "  "]],
  ["default", "a+b 1234", ["a", "+", "b", " ", "123", "4"]],
])("%s cuts %j", (name, text, words) => {
  const pretokenizers = preTokenizerKind(name).splits.map((pattern) => ({
    type: "Split",
    pattern: { Regex: pattern },
    behavior: "Isolated",
  }));
  expect(split({ type: "Sequence", pretokenizers }, text)).toEqual(words);
});
