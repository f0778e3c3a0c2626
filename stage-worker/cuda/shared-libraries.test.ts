import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { tempFolder } from "../../test/fixtures/temp-folder.js";
import { missingCudaLibraries } from "./shared-libraries.js";

test("a library in a folder of LD_LIBRARY_PATH is found", async () => {
  const folder = await tempFolder();
  const missing = await missingCudaLibraries("");
  for (const name of ["libcudart.so.13", "libcurand.so.10"]) await writeFile(join(folder, name), "");
  const found = await missingCudaLibraries(`/nowhere::${folder}`);
  expect(found).toEqual(missing.filter((name) => name.startsWith("libcublas")));
  expect(found).not.toContain("libcudart.so.13");
});
