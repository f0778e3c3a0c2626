import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { packageRoot } from "../../common/package-root.js";
import {
  type ChatMessage,
  type ChatRenderer,
  createChatRenderer,
  encodeChat,
} from "../../model/chat/render-chat.js";
import { readGgufHeader } from "../../model/source/gguf-header.js";
import { getString, getStringArray } from "../../model/source/gguf-metadata.js";
import { OpenFile } from "../../model/source/open-file.js";
import { createDetokenizer } from "../../model/tokenizer/detokenizer.js";
import { tokenizerFromGguf } from "../../model/tokenizer/from-gguf.js";
import { createTokenizer, type Tokenizer } from "../../model/tokenizer/tokenizer.js";
import { defaultModelPath } from "./default-model.js";

interface GoldenPrompt {
  id: string;
  prompt?: string;
  messages?: ChatMessage[];
  rendered?: string;
  special?: "parsed" | "literal";
  promptIds: number[];
  runs: Record<string, { ids: number[]; text: string }>;
}

interface GoldenString {
  text: string;
  ids: number[];
  idsWithSpecial: number[];
  decoded?: string;
}

const { endTokens, prompts } = readGolden<{ endTokens: number[]; prompts: GoldenPrompt[] }>(
  "smollm2-q4_1.json",
);
const { strings } = readGolden<{ strings: GoldenString[] }>("tokenize-smollm2.json");

let tokenizer: Tokenizer;
let renderer: ChatRenderer;

beforeAll(async () => {
  const file = await OpenFile.open(defaultModelPath);
  const { metadata } = readGgufHeader(file);
  await file.close();
  const spec = tokenizerFromGguf(metadata);
  tokenizer = createTokenizer(spec, getStringArray(metadata, "tokenizer.ggml.tokens").length);
  renderer = createChatRenderer(spec, getString(metadata, "tokenizer.chat_template"));
});

describe("SmolLM2's tokenizer, as llama.cpp has it", () => {
  test.each(strings)("$text", ({ text, ids, idsWithSpecial, decoded }) => {
    expect([...tokenizer.encode(text, { parseSpecial: false, addBos: true })]).toEqual(ids);
    expect([...tokenizer.encode(text, { parseSpecial: true, addBos: true })]).toEqual(idsWithSpecial);
    expect(tokenizer.decode(ids)).toBe(decoded ?? text);
  });

  test("the same tokens end a generation", () => {
    expect(tokenizer.endTokenIds).toEqual(endTokens);
  });

  test("whole texts keep their words when cut and put together again", () => {
    const prose = strings.map((string) => string.text).join("\n");
    const ids = tokenizer.encode(prose.repeat(50), { parseSpecial: false, addBos: false });
    const missing = "\u0004";
    expect(tokenizer.decode(ids)).toBe(prose.repeat(50).replaceAll(missing, ""));
  });
});

describe.each(prompts)("prompt $id", (golden) => {
  test("has the same tokens", () => {
    expect([...encodePrompt(golden)]).toEqual(golden.promptIds);
  });

  test("its continuations read the same, whole and token by token", () => {
    for (const { ids, text } of Object.values(golden.runs)) {
      const detokenizer = createDetokenizer(tokenizer);
      expect(tokenizer.decode(ids)).toBe(text);
      expect(ids.map((id) => detokenizer.push(id)).join("") + detokenizer.flush()).toBe(text);
    }
  });
});

function encodePrompt({ prompt, messages, rendered, special }: GoldenPrompt): Uint32Array {
  const parsed = { parseSpecial: true, addBos: true };
  if (messages === undefined) return tokenizer.encode(prompt ?? "", parsed);
  const pieces = renderer.render(messages);
  const text = pieces.map((piece) => piece.text).join("");
  expect(text).toBe(rendered);
  return special === "parsed" ? tokenizer.encode(text, parsed) : encodeChat(tokenizer, pieces);
}

function readGolden<Golden>(name: string): Golden {
  return JSON.parse(readFileSync(join(packageRoot, "test/golden", name), "utf8")) as Golden;
}
