import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { byteLevelSpec } from "../../test/fixtures/byte-level-spec.js";
import { goldenPath } from "../../test/fixtures/golden-runs.js";
import { tempFolder } from "../../test/fixtures/temp-folder.js";
import { heldOutPrompts } from "./held-out-prompts.js";
import { type PromptSources, readPrompts } from "./read-prompts.js";

const spec = byteLevelSpec();
const template = "{% for message in messages %}<{{ message.content }}>{% endfor %}";

function read(sources: PromptSources, chatTemplate?: string) {
  return readPrompts(sources, { vocabularySize: 256, chatTemplate }, spec);
}

const textOf = ({ promptIds }: { promptIds: readonly number[] }) => Buffer.from(promptIds).toString();

test("the built-in prompts are written by the model's template", async () => {
  expect((await read({}, template)).map(textOf)).toEqual(heldOutPrompts.map((text) => `<${text}>`));
  expect((await read({})).map(textOf)).toEqual(heldOutPrompts);
});

test("a file gives a prompt a line", async () => {
  const promptsPath = join(await tempFolder(), "prompts.txt");
  await writeFile(promptsPath, "one\r\n\n two words\n");
  expect((await read({ promptsPath })).map(textOf)).toEqual(["one", " two words"]);
});

test("golden files give prompts and what follows", async () => {
  const [first] = await read({ goldenPath: goldenPath("smollm2-q4_1.json") });
  expect(first?.promptIds).toEqual([504]);
  expect(first?.continuation?.slice(0, 3)).toEqual([29, 1195, 29]);
});

test("files that cannot be used are named", async () => {
  const folder = await tempFolder();
  const path = join(folder, "x.json");
  await writeFile(path, '{"prompts": [{}]}');
  await expect(read({ goldenPath: path })).rejects.toThrow(/--golden .*x\.json is no file of golden runs/);
  await expect(read({ promptsPath: join(folder, "absent") })).rejects.toThrow(/--prompts .*absent cannot be/);
});
