import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as library from "@huggingface/tokenizers";
import { describe, expect, test } from "vitest";
import { packageRoot } from "../../common/package-root.js";
import { byteLevelSpec } from "../../test/fixtures/byte-level-spec.js";
import { seededRandom } from "../../test/fixtures/random.js";
import { readGgufHeader } from "../source/gguf-header.js";
import { getStringArray } from "../source/gguf-metadata.js";
import { OpenFile } from "../source/open-file.js";
import { tokenizerFromGguf } from "./from-gguf.js";
import { createTokenizer } from "./tokenizer.js";
import type { TokenizerSpec } from "./tokenizer-spec.js";

interface Golden {
  endTokens: number[];
  prompts: { prompt: string; promptIds: number[]; runs: Record<string, { ids: number[]; text: string }> }[];
  strings: { text: string; ids: number[]; idsWithSpecial: number[]; decoded?: string }[];
}

const goldenFolder = join(packageRoot, "test/golden");
const text = { parseSpecial: false, addBos: false };
const special = { parseSpecial: true, addBos: false };

describe("stories260k, as llama.cpp has it", async () => {
  const golden = JSON.parse(readFileSync(join(goldenFolder, "stories260k.json"), "utf8")) as Golden;
  const file = await OpenFile.open(join(goldenFolder, "stories260k-f32.gguf"));
  const { metadata } = readGgufHeader(file);
  await file.close();
  const tokenizer = createTokenizer(
    tokenizerFromGguf(metadata),
    getStringArray(metadata, "tokenizer.ggml.tokens").length,
  );

  test.each(golden.strings)("$text", ({ text: string, ids, idsWithSpecial, decoded }) => {
    expect([...tokenizer.encode(string, text)]).toEqual(ids);
    expect([...tokenizer.encode(string, special)]).toEqual(idsWithSpecial);
    expect(tokenizer.decode(ids)).toBe(decoded ?? string);
  });

  test.each(golden.prompts)("prompt $prompt", ({ prompt, promptIds, runs }) => {
    expect([...tokenizer.encode(prompt, { parseSpecial: true, addBos: true })]).toEqual(promptIds);
    for (const run of Object.values(runs)) expect(tokenizer.decode(run.ids)).toBe(run.text);
  });

  test("ends where the file says", () => {
    expect(tokenizer.endTokenIds).toEqual(golden.endTokens);
    expect(tokenizer.bosTokenId).toBe(1);
  });
});

test("gives the ids that Hugging Face's library gives, for random merges and texts", () => {
  const random = seededRandom(4);
  for (let round = 0; round < 40; round++) {
    const merges = randomMerges(random, 30);
    const spec = byteLevelSpec({ merges, control: ["<|a|>"], added: ["bb<"] });
    const tokenizer = createTokenizer(spec, 400);
    const reference = libraryTokenizer(spec);
    for (let sample = 0; sample < 20; sample++) {
      const string = randomString(random, ["a", "b", "c", "<|a|>", "bb<", " ", "é", "😀", "\n"], 70);
      expect([...tokenizer.encode(string, special)], string).toEqual(reference(string));
    }
  }
});

describe("control tokens", () => {
  const spec = byteLevelSpec({
    control: ["<|end|>", "<|end|>>"],
    added: ["<tool>"],
    merges: [
      ["h", "i"],
      ["<", "|"],
    ],
  });
  const tokenizer = createTokenizer(spec, 300);
  const [end, longer, tool, hi, open] = [256, 257, 258, 259, 260];

  test("count only when they are asked for; added text counts always", () => {
    expect([...tokenizer.encode("hi<|end|><tool>", special)]).toEqual([hi, end, tool]);
    expect([...tokenizer.encode("hi<|end|><tool>", text)]).toEqual([hi, open, ...ascii("end|>"), tool]);
  });

  test("the longest of those that begin at one place is taken", () => {
    expect([...tokenizer.encode("<|end|>>", special)]).toEqual([longer]);
  });

  test("words run across pieces, control tokens only across pieces that are not literal", () => {
    const encode = (...pieces: [string, boolean][]) => [
      ...tokenizer.encodePieces(
        pieces.map(([piece, literal]) => ({ text: piece, literal })),
        { addBos: false },
      ),
    ];
    expect(encode(["h", false], ["i", true], ["<|en", false], ["d|>", false])).toEqual([hi, end]);
    expect(encode(["<|en", false], ["d|>", true])).toEqual([open, ...ascii("end|>")]);
    expect(encode(["<|end|>", true])).toEqual([open, ...ascii("end|>")]);
    expect(encode(["<to", true], ["ol>", false])).toEqual([tool]);
    expect(encode()).toEqual([]);
  });

  test("are no part of decoded text, and have a text of their own", () => {
    expect(tokenizer.decode([hi, end, tool])).toBe("hi<tool>");
    expect([tokenizer.isSpecial(end), tokenizer.isSpecial(tool), tokenizer.isSpecial(hi)]).toEqual([
      true,
      false,
      false,
    ]);
    expect(tokenizer.tokenText(end)).toBe("<|end|>");
    expect(tokenizer.tokenText(0xff)).toBe("\ufffd");
    expect(tokenizer.tokenBytes(0xff)).toEqual(Uint8Array.of(0xff));
    expect(tokenizer.tokenBytes(299)).toEqual(new Uint8Array());
  });
});

test("a start token is put first where the model wants one, and not twice", () => {
  const options = { control: ["<s>"], specialTokens: { bos_token: "<s>" } };
  const wanting = createTokenizer(byteLevelSpec({ ...options, addBos: true }), 300);
  const parse = { parseSpecial: true, addBos: true };
  expect([...wanting.encode("a", parse)]).toEqual([256, 97]);
  expect([...wanting.encode("<s>a", parse)]).toEqual([256, 97]);
  expect([...wanting.encode("", parse)]).toEqual([256]);
  expect([...wanting.encode("a", text)]).toEqual([97]);
  const indifferent = createTokenizer(byteLevelSpec(options), 300);
  expect([...indifferent.encode("a", parse)]).toEqual([97]);
});

test("bytes that a vocabulary lacks vanish", () => {
  const tokenizer = createTokenizer(byteLevelSpec({ missingBytes: [4, 0xc3] }), 300);
  expect([...tokenizer.encode("a\u0004é", text)]).toEqual([97, 0xa9]);
});

test("added tokens swallow white space beside them where they say so, and stand alone where they must", () => {
  const spec = byteLevelSpec();
  const tokens = [
    { id: 256, content: "<l>", lstrip: true },
    { id: 257, content: "<r>", rstrip: true, special: true },
    { id: 258, content: "one", single_word: true },
  ];
  const tokenizer = createTokenizer(withJson(spec, { added_tokens: tokens }), 300);
  expect([...tokenizer.encode("a  <l>  b", text)]).toEqual([...ascii("a"), 256, ...ascii("  b")]);
  expect([...tokenizer.encode("a <r>\n b", special)]).toEqual([...ascii("a "), 257, ...ascii("b")]);
  expect([...tokenizer.encode("one, bone", text)]).toEqual([258, ...ascii(", bone")]);
});

describe("characters instead of bytes", () => {
  const vocab = { "<unk>": 0, a: 1, b: 2, "▁": 3, ab: 4, "▁ab": 5, "<0xC3>": 6, "<0xA9>": 7, "▁x": 8 };
  const json = {
    added_tokens: [{ id: 0, content: "<unk>", special: true }],
    normalizer: { type: "Replace", pattern: { String: " " }, content: "▁" },
    pre_tokenizer: null,
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: "▁" }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        { type: "Strip", content: " ", start: 1, stop: 0 },
      ],
    },
    model: {
      type: "BPE",
      vocab,
      merges: ["a b", "▁ ab"],
      unk_token: "<unk>",
      fuse_unk: true,
      byte_fallback: true,
    },
  };
  const spec: TokenizerSpec = { tokenizerJson: json, addBos: false, endTokenIds: [], specialTokens: {} };
  const tokenizer = createTokenizer(spec, 9);

  test("what has no token becomes bytes, or one unknown token a run", () => {
    expect([...tokenizer.encode("a éb", text)]).toEqual([1, 3, 6, 7, 2]);
    expect([...tokenizer.encode("a漢字b", text)]).toEqual([1, 0, 2]);
    expect([...tokenizer.encode("\ud800", text)]).toEqual([0]);
  });

  test("decoding puts bytes together and keeps the first space", () => {
    expect(tokenizer.decode([5, 6, 7])).toBe(" abé");
    expect(tokenizer.tokenBytes(6)).toEqual(Uint8Array.of(0xc3));
  });

  test("tokens beyond the model's vocabulary are not used", () => {
    expect([...tokenizer.encode(" ab", text)]).toEqual([5]);
    expect([...createTokenizer(spec, 5).encode(" ab", text)]).toEqual([3, 4]);
  });

  test("whole words first, where the tokenizer ignores merges", () => {
    const whole = withJson(spec, { model: { ...json.model, ignore_merges: true } });
    expect([...createTokenizer(whole, 9).encode(" x", text)]).toEqual([8]);
    expect([...tokenizer.encode(" x", text)]).toEqual([3, 0]);
  });
});

test.each(["a", " ", "é", "<", "\n", "😀"])("a run of 200,000 %j goes there and back", (character) => {
  const merges = [
    ["a", "a"],
    ["aa", "aa"],
  ] as const;
  const tokenizer = createTokenizer(byteLevelSpec({ merges, control: ["<|end|>", "<<<<!"] }), 300);
  const long = character.repeat(200_000);
  expect(tokenizer.decode(tokenizer.encode(long, special))).toBe(long);
});

describe("refuses", () => {
  const spec = byteLevelSpec({ control: ["<|end|>"] });
  const model = spec.tokenizerJson["model"] as object;

  test.each([
    ["another model", { model: { type: "Unigram", vocab: [] } }, /Unigram/],
    ["word affixes", { model: { ...model, end_of_word_suffix: "</w>" } }, /end_of_word_suffix "<\/w>"/],
    ["a broken vocabulary", { model: { ...model, vocab: { a: -1 } } }, /model\.vocab gives "a" the id -1/],
    ["a merge without a space", { model: { ...model, merges: ["ab"] } }, /merge "ab"/],
    ["a merge of three", { model: { ...model, merges: [["a", "b", "c"]] } }, /merge \["a","b","c"\]/],
    ["no merges", { model: { ...model, merges: null } }, /model\.merges: expected a list/],
    ["ranks that don't fit", { model: { ...model, merge_ranks: [1] } }, /merge_ranks has 1/],
    ["an unknown decoder", { decoder: { type: "WordPiece" } }, /WordPiece/],
    ["an unknown normalizer", { normalizer: { type: "Nonsense" } }, /Nonsense/],
  ])("%s", (_, change, message) => {
    expect(() => createTokenizer(withJson(spec, change), 300)).toThrow(message);
  });

  test("end tokens that the model does not have", () => {
    expect(() => createTokenizer(spec, 256)).toThrow(/token id 256.*vocabulary of 256/);
  });
});

function withJson(spec: TokenizerSpec, change: object): TokenizerSpec {
  return { ...spec, tokenizerJson: { ...spec.tokenizerJson, ...change } };
}

function ascii(string: string): number[] {
  return [...Buffer.from(string)];
}

function randomMerges(random: () => number, count: number): [string, string][] {
  const parts = ["a", "b", "c", "<"];
  return Array.from({ length: count }, () => {
    const pick = (): string => parts[Math.floor(random() * parts.length)] as string;
    const merge: [string, string] = [pick(), pick()];
    parts.push(merge.join(""));
    return merge;
  }).filter(
    ([left, right], index, all) =>
      left.length + right.length < 12 &&
      all.findIndex((other) => other.join(" ") === `${left} ${right}`) === index,
  );
}

function randomString(random: () => number, parts: readonly string[], longest: number): string {
  return Array.from(
    { length: Math.floor(random() * longest) },
    () => parts[Math.floor(random() ** 2 * parts.length)],
  ).join("");
}

function libraryTokenizer(spec: TokenizerSpec): (text: string) => number[] {
  const { Tokenizer: LibraryTokenizer } = library as unknown as {
    Tokenizer: new (json: object, config: object) => { encode(text: string): { ids: number[] } };
  };
  const tokenizer = new LibraryTokenizer(spec.tokenizerJson, {});
  return (string) => tokenizer.encode(string).ids;
}
