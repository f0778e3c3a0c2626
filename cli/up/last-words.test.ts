import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { tempFolder } from "../../test/fixtures/temp-folder.js";
import { lastWords } from "./last-words.js";

async function logOf(content: string): Promise<string> {
  const path = join(await tempFolder(), "a.log");
  writeFileSync(path, content);
  return path;
}

test("plain lines stay, logged ones become their messages, harmless ones go", async () => {
  const path = await logOf(
    [
      '{"level":30,"msg":"joined"}',
      '{"level":50,"msg":"cannot load","err":{"message":"no room"}}',
      '{"level":40,"msg":"slow"}',
      "Segmentation fault",
      "",
    ].join("\n"),
  );
  expect(lastWords(path, 5)).toEqual(["cannot load: no room", "slow", "Segmentation fault"]);
  expect(lastWords(path, 1)).toEqual(["Segmentation fault"]);
});

test("a long log's start is not read, and a missing or empty log says nothing", async () => {
  expect(lastWords(await logOf(`${"x".repeat(100_000)}\nend\n`), 1)).toEqual(["end"]);
  expect(lastWords(await logOf(""), 3)).toEqual([]);
  expect(lastWords("/nowhere/a.log", 3)).toEqual([]);
});

test("a line that only looks like a logged one stays as it is", async () => {
  expect(lastWords(await logOf('{"level": broken\n{}\n[1]\n'), 5)).toEqual(['{"level": broken', "{}", "[1]"]);
});
