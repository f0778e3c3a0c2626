import { describe, expect, test } from "vitest";
import type { GgufMetadata, GgufValue } from "../source/gguf-metadata.js";
import { tokenizerFromGguf } from "./from-gguf.js";
import { createTokenizer } from "./tokenizer.js";

const plainText = { parseSpecial: false, addBos: false };

function metadata(entries: Record<string, GgufValue>): GgufMetadata {
  return new Map(Object.entries(entries).map(([key, value]) => [`tokenizer.ggml.${key}`, value]));
}

/** Tokens as `text~type~score`; types n(ormal), u(nknown), c(ontrol), a(dded by users), b(yte). */
function vocabulary(...tokens: string[]): Record<string, GgufValue> {
  const parts = tokens.map((token) => token.split("~"));
  const types = { n: 1, u: 2, c: 3, a: 4, b: 6 } as Record<string, number>;
  return {
    tokens: parts.map(([text]) => text ?? ""),
    token_type: Int32Array.from(parts, ([, type]) => types[type ?? "n"] ?? 1),
    scores: Float32Array.from(parts, ([, , score]) => Number(score ?? 0)),
  };
}

describe("SentencePiece", () => {
  const tokens = [
    "<unk>~u",
    "<s>~c",
    "</s>~c",
    "▁~n~-9",
    "a~n~-9",
    "b~n~-9",
    "ab~n~-1",
    "▁a~n~-2",
    "▁▁~n~-3",
    "<0x62>~b",
  ];
  const entries = { model: "llama", bos_token_id: 1, eos_token_id: 2, unknown_token_id: 0 };

  test("joins by score, the best first", () => {
    const tokenizer = createTokenizer(
      tokenizerFromGguf(metadata({ ...entries, ...vocabulary(...tokens) })),
      10,
    );
    expect([...tokenizer.encode("ab", plainText)]).toEqual([3, 6]);
    expect([...tokenizer.encode("a", plainText)]).toEqual([7]);
  });

  test("joins pieces of equal scores from left to right", () => {
    const equal = vocabulary("<unk>~u", "x~n~-9", "▁~n~-9", "xx~n~-5", "▁x~n~-5");
    const tokenizer = createTokenizer(tokenizerFromGguf(metadata({ ...entries, ...equal })), 5);
    expect([...tokenizer.encode("xxx", plainText)]).toEqual([4, 3]);
    expect([...tokenizer.encode("xx", plainText)]).toEqual([4, 1]);
  });

  test("puts a space first unless the file says otherwise", () => {
    const without = { ...entries, ...vocabulary(...tokens), add_space_prefix: false };
    const tokenizer = createTokenizer(tokenizerFromGguf(metadata(without)), 10);
    expect([...tokenizer.encode("ab", plainText)]).toEqual([6]);
    expect([...tokenizer.encode("  a", plainText)]).toEqual([3, 7]);
  });

  test("wants a start token unless the file says otherwise", () => {
    const spec = (more: Record<string, GgufValue>) =>
      tokenizerFromGguf(metadata({ ...entries, ...vocabulary(...tokens), ...more }));
    expect(spec({})).toMatchObject({ addBos: true, bosTokenId: 1, endTokenIds: [2] });
    expect(spec({ add_bos_token: false }).addBos).toBe(false);
    expect(spec({ bos_token_id: 0xffffffff })).toMatchObject({ addBos: false });
    expect(spec({}).specialTokens).toEqual({ bos_token: "<s>", eos_token: "</s>", unk_token: "<unk>" });
  });

  test("pieces that are not ordinary text never come out of a join", () => {
    const odd = vocabulary("<unk>~u", "a~n~-9", "b~n~-9", "ab~c~-1", "▁~n~-9");
    const tokenizer = createTokenizer(tokenizerFromGguf(metadata({ ...entries, ...odd })), 5);
    expect([...tokenizer.encode("ab", plainText)]).toEqual([4, 1, 2]);
    expect([...tokenizer.encode("ab", { parseSpecial: true, addBos: false })]).toEqual([3]);
  });
});

describe("byte-level BPE", () => {
  const tokens = vocabulary("<|im_end|>~c", "a", "b", "Ġ", "ab", "Ġab", "1", "11", "<think>~a");
  const entries = { model: "gpt2", ...tokens, merges: ["a b", "Ġ ab", "1 1"], eos_token_id: 0 };
  const encode = (pre: string, text: string): number[] => [
    ...createTokenizer(tokenizerFromGguf(metadata({ ...entries, pre })), 9).encode(text, plainText),
  ];

  test("is cut as the file's kind of pre-tokenizer says", () => {
    expect(encode("gpt-2", "ab ab11")).toEqual([4, 5, 7]);
    expect(encode("smollm", "ab ab11")).toEqual([4, 5, 6, 6]);
    expect(encode("llama-bpe", "11ab<think>")).toEqual([7, 4, 8]);
  });

  test("wants a start token where its kind does", () => {
    const spec = (pre: string) => tokenizerFromGguf(metadata({ ...entries, pre, bos_token_id: 1 }));
    expect(spec("llama-bpe").addBos).toBe(true);
    expect(spec("qwen2").addBos).toBe(false);
  });

  test("refuses an unknown kind with the known ones", () => {
    expect(() => encode("martian", "a")).toThrow(
      expect.objectContaining({
        code: "UNIMPLEMENTED",
        message: expect.stringMatching(/"martian".*default.*gpt-2.*qwen2.*smollm/),
      }),
    );
  });
});

describe("what ends a generation", () => {
  const ends = (tokens: string[], more: Record<string, GgufValue> = {}): readonly number[] =>
    tokenizerFromGguf(metadata({ model: "gpt2", merges: [], ...vocabulary(...tokens), ...more })).endTokenIds;

  test("what the file names, and well-known texts", () => {
    expect(ends(["a", "b", "c"], { eos_token_id: 1, eot_token_id: 2 })).toEqual([1, 2]);
    expect(
      ends(["<|endoftext|>~c", "<|im_start|>~c", "<|im_end|>~c", "<reponame>~c", "<file_sep>~c"]),
    ).toEqual([0, 2, 3]);
  });

  test("texts that might be ordinary only where they are marked", () => {
    expect(ends(["</s>", "x"])).toEqual([]);
    expect(ends(["</s>~c", "x"])).toEqual([0]);
  });

  test("a vocabulary of messages is not ended by a message", () => {
    expect(ends(["<|end|>~c", "<|return|>~c", "<|call|>~c"])).toEqual([1, 2]);
    expect(ends(["<|end|>~c", "<|return|>~c"])).toEqual([0, 1]);
  });

  test("such tokens are control tokens even where the file calls them text", () => {
    const spec = tokenizerFromGguf(metadata({ model: "gpt2", merges: [], ...vocabulary("<|im_end|>", "<") }));
    expect(createTokenizer(spec, 2).isSpecial(0)).toBe(true);
  });
});

describe("refuses", () => {
  const good = { model: "llama", ...vocabulary("<unk>~u", "a") };

  test.each<[string, Record<string, GgufValue>, RegExp]>([
    ["other models", { model: "bert" }, /"bert" is not supported.*gpt2 or llama/],
    ["no tokens", { tokens: [] }, /tokens is empty/],
    ["a token twice", { tokens: ["a", "a"] }, /tokens 0 and 1 are both "a"/],
    ["too few types", { token_type: Int32Array.of(1) }, /token_type has 1 entries for 2 tokens/],
    ["too few scores", { scores: Float32Array.of(1) }, /scores has 1 entries for 2 tokens/],
    ["a merge of one part", { model: "gpt2", merges: ["ab"] }, /merges\[0\] is "ab"/],
    ["a piece without end", { tokens: ["a", "b".repeat(300)] }, /token 1 .* 300 characters/],
  ])("%s", (_, change, message) => {
    expect(() => tokenizerFromGguf(metadata({ ...good, ...change }))).toThrow(message);
  });

  test("files without a vocabulary", () => {
    expect(() => tokenizerFromGguf(new Map())).toThrow(/tokenizer\.ggml\.model/);
  });
});

test("an empty token gets a name, as in llama.cpp", () => {
  const spec = tokenizerFromGguf(metadata({ model: "gpt2", merges: [], tokens: ["a", ""] }));
  expect(createTokenizer(spec, 2).tokenText(1)).toBe("[EMPTY_1]");
});

test("a spec survives being stored as JSON", () => {
  const tokens = vocabulary("<unk>~u", "__proto__~n~-1", "_~n~-2", "a~n~-3", "▁~n~-4", "1~n~-5");
  const spec = tokenizerFromGguf(metadata({ model: "llama", ...tokens }));
  const stored = JSON.parse(JSON.stringify(spec)) as typeof spec;
  expect(stored).toEqual(spec);
  expect([...createTokenizer(stored, 6).encode("a1_", plainText)]).toEqual([4, 3, 5, 2]);
  expect(createTokenizer(stored, 6).tokenText(1)).toBe("__proto__");
});
