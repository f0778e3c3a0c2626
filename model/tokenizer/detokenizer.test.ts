import { expect, test } from "vitest";
import { byteLevelSpec } from "../../test/fixtures/byte-level-spec.js";
import { seededRandom } from "../../test/fixtures/random.js";
import { createDetokenizer } from "./detokenizer.js";
import { createTokenizer } from "./tokenizer.js";

const tokenizer = createTokenizer(byteLevelSpec({ control: ["<|end|>"] }), 300);

function bytes(text: string): number[] {
  return [...new TextEncoder().encode(text)];
}

test("gives a character when its last byte is there", () => {
  const detokenizer = createDetokenizer(tokenizer);
  expect(bytes("aé😀b").map((id) => detokenizer.push(id))).toEqual(["a", "", "é", "", "", "", "😀", "b"]);
  expect(detokenizer.flush()).toBe("");
});

test("gives U+FFFD for bytes that are no character once that is sure", () => {
  const detokenizer = createDetokenizer(tokenizer);
  expect(detokenizer.push(0xf0)).toBe("");
  expect(detokenizer.push(0x9f)).toBe("");
  expect(detokenizer.push(0x41)).toBe("\ufffdA");
  expect(detokenizer.push(0xff)).toBe("\ufffd");
  expect(detokenizer.push(0xc3)).toBe("");
  expect(detokenizer.flush()).toBe("\ufffd");
  expect(detokenizer.push(0x42)).toBe("B");
});

test("leaves control tokens and unused ids out, and keeps byte order marks", () => {
  const detokenizer = createDetokenizer(tokenizer);
  expect(detokenizer.push(0xc3)).toBe("");
  expect(detokenizer.push(256)).toBe("");
  expect(detokenizer.push(299)).toBe("");
  expect(detokenizer.push(0xa9)).toBe("é");
  expect(
    bytes("\ufeff")
      .map((id) => detokenizer.push(id))
      .join(""),
  ).toBe("\ufeff");
});

test("all pieces together are what decode gives, for any tokens", () => {
  const random = seededRandom(3);
  const good = bytes("é😀ß漢 text\u0301");
  for (let round = 0; round < 500; round++) {
    const ids = Array.from({ length: Math.floor(random() * 30) }, () =>
      random() < 0.5 ? (good[Math.floor(random() * good.length)] as number) : Math.floor(random() * 257),
    );
    const detokenizer = createDetokenizer(tokenizer);
    const text = ids.map((id) => detokenizer.push(id)).join("") + detokenizer.flush();
    expect(text).toBe(tokenizer.decode(ids));
    const plain = Uint8Array.from(ids.filter((id) => id < 256));
    expect(text).toBe(new TextDecoder("utf-8", { ignoreBOM: true }).decode(plain));
  }
});
