import { truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { byteLevelSpec } from "../../test/fixtures/byte-level-spec.js";
import { tempFolder } from "../../test/fixtures/temp-folder.js";
import { tokenizerFromFolder } from "./from-folder.js";
import { createTokenizer } from "./tokenizer.js";

const { tokenizerJson } = byteLevelSpec({ control: ["<s>", "</s>", "<|im_end|>"], added: ["<|eot_id|>"] });
const noEnds = { eosTokenIds: [] };

async function folderWith(files: Record<string, unknown>): Promise<string> {
  const folder = await tempFolder();
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(folder, name), typeof content === "string" ? content : JSON.stringify(content));
  }
  return folder;
}

test("reads a tokenizer.json alone", async () => {
  const folder = await folderWith({ "tokenizer.json": tokenizerJson });
  const spec = await tokenizerFromFolder(folder, { eosTokenIds: [97] });
  expect(spec).toMatchObject({ addBos: false, endTokenIds: [97, 257, 258, 259], specialTokens: {} });
  expect(spec.bosTokenId).toBeUndefined();
  expect([...createTokenizer(spec, 300).encode("a</s>", { parseSpecial: true, addBos: true })]).toEqual([
    97, 257,
  ]);
});

test("puts together what the other files say", async () => {
  const folder = await folderWith({
    "tokenizer.json": tokenizerJson,
    "tokenizer_config.json": {
      bos_token: { content: "<s>", lstrip: false },
      add_bos_token: true,
      eos_token: null,
    },
    "special_tokens_map.json": { bos_token: "ignored", eos_token: "</s>", pad_token: { content: "!" } },
    "generation_config.json": { eos_token_id: [98, 99] },
  });
  const spec = await tokenizerFromFolder(folder, noEnds);
  expect(spec).toMatchObject({
    bosTokenId: 256,
    addBos: true,
    endTokenIds: [98, 99, 257, 258, 259],
    specialTokens: { bos_token: "<s>", eos_token: "</s>", pad_token: "!" },
  });
});

test("wants a start token where the post-processor puts one, unless the config says otherwise", async () => {
  const template = {
    type: "TemplateProcessing",
    single: [{ SpecialToken: { id: "<s>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
  };
  const files = (config: object, processor: object) => ({
    "tokenizer.json": { ...tokenizerJson, post_processor: processor },
    "tokenizer_config.json": { bos_token: "<s>", ...config },
  });
  const addBos = async (config: object, processor: object): Promise<boolean> =>
    (await tokenizerFromFolder(await folderWith(files(config, processor)), noEnds)).addBos;
  expect(await addBos({}, template)).toBe(true);
  expect(await addBos({}, { type: "Sequence", processors: [{ type: "ByteLevel" }, template] })).toBe(true);
  expect(await addBos({ add_bos_token: false }, template)).toBe(false);
  expect(await addBos({}, { type: "ByteLevel" })).toBe(false);
});

test("tokens that end a generation are control tokens even where the file calls them text", async () => {
  const spec = await tokenizerFromFolder(await folderWith({ "tokenizer.json": tokenizerJson }), noEnds);
  expect(createTokenizer(spec, 300).isSpecial(259)).toBe(true);
});

test.each<[string, Record<string, unknown>, RegExp]>([
  ["no tokenizer.json", {}, /no tokenizer\.json.*use a GGUF/],
  ["no JSON", { "tokenizer.json": "{" }, /tokenizer\.json/],
  ["no object", { "tokenizer.json": "[]" }, /tokenizer\.json/],
  ["no model", { "tokenizer.json": {} }, /tokenizer\.json is broken \(model/],
  [
    "another shape",
    { "tokenizer.json": tokenizerJson, "generation_config.json": { eos_token_id: "x" } },
    /generation_config\.json is broken \(eos_token_id/,
  ],
])("refuses %s", async (_, files, message) => {
  await expect(tokenizerFromFolder(await folderWith(files), noEnds)).rejects.toThrow(message);
});

test("refuses a file beyond all measure without reading it", async () => {
  const folder = await folderWith({ "tokenizer.json": "{}" });
  await truncate(join(folder, "tokenizer.json"), 2 ** 30);
  await expect(tokenizerFromFolder(folder, noEnds)).rejects.toThrow(/1073741824 bytes/);
});
