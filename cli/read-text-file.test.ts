import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { tempFolder } from "../test/fixtures/temp-folder.js";
import { readTextFile } from "./read-text-file.js";

test("a file that is too long or not there is refused by its option", async () => {
  const path = join(await tempFolder(), "prompts.txt");
  await expect(readTextFile(path, "--prompts", 4)).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    message: expect.stringContaining(`--prompts ${path} cannot be read: `),
  });
  await writeFile(path, "añb");
  expect(await readTextFile(path, "--prompts", 4)).toBe("añb");
  await expect(readTextFile(path, "--prompts", 3)).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    message: expect.stringContaining("4 bytes are too many"),
  });
});
