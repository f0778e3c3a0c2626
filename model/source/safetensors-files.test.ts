import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  type SafeTensor,
  safetensorsFile,
  writeSafetensors,
} from "../../test/fixtures/safetensors-writer.js";
import { tempFolder } from "../../test/fixtures/temp-folder.js";
import { openSafetensorsFiles } from "./safetensors-files.js";

const indexName = "model.safetensors.index.json";
const tensors: SafeTensor[] = ["a", "b", "c"].map((name, i) => ({
  name,
  dtype: "F32",
  shape: [i + 1],
  bytes: new Uint8Array(4 * (i + 1)),
}));

async function expectRefusal(folder: string, code: string, message: RegExp): Promise<void> {
  await expect(openSafetensorsFiles(folder)).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message),
  });
}

test.each([1, 2])("tensors of %i files", async (shardCount) => {
  const folder = await tempFolder();
  await writeSafetensors(folder, tensors, shardCount);
  const opened = await openSafetensorsFiles(folder);
  expect(opened.files.length).toBe(shardCount);
  expect([...opened.tensors.keys()].sort()).toEqual(["a", "b", "c"]);
  await Promise.all(opened.files.map((file) => file.close()));
});

test("a shard that is missing", async () => {
  const folder = await tempFolder();
  await writeSafetensors(folder, tensors, 2);
  await rm(join(folder, "model-00002-of-00002.safetensors"));
  await expectRefusal(folder, "NOT_FOUND", /model-00002-of-00002\.safetensors is missing/);
});

test("no weights, or others", async () => {
  const folder = await tempFolder();
  await expectRefusal(folder, "NOT_FOUND", /has no weights: .* needs model\.safetensors or/);
  await writeFile(join(folder, "pytorch_model.bin"), "");
  await expectRefusal(folder, "NOT_FOUND", /has only "pytorch_model\.bin"/);
});

test("one tensor in two files", async () => {
  const folder = await tempFolder();
  await writeSafetensors(folder, tensors, 2);
  await writeFile(join(folder, "model-00002-of-00002.safetensors"), safetensorsFile(tensors.slice(0, 2)));
  await expectRefusal(folder, "INVALID_ARGUMENT", /"a" is in model-00001-.* and again in model-00002-/);
});

describe("an index", () => {
  async function folderWith(index: unknown): Promise<string> {
    const folder = await tempFolder();
    await writeSafetensors(folder, tensors);
    await writeFile(join(folder, indexName), typeof index === "string" ? index : JSON.stringify(index));
    return folder;
  }

  test.each([
    "../model.safetensors",
    "/etc/model.safetensors",
    "sub/model.safetensors",
    "..\\model.safetensors",
    "..",
    ".hidden.safetensors",
    "model.safetensors\u0000.safetensors",
    "model.bin",
    7,
    null,
  ])("that leads to %j", async (shard) => {
    const folder = await folderWith({ weight_map: { a: shard } });
    await expectRefusal(
      folder,
      "INVALID_ARGUMENT",
      /has tensor "a" in .*, which is not the name of a safetensors file/,
    );
  });

  test.each([[{}], [{ weight_map: {} }], [{ weight_map: [] }]])("without a map: %j", async (index) => {
    await expectRefusal(await folderWith(index), "INVALID_ARGUMENT", /has no weight_map/);
  });

  test("that is no JSON", async () => {
    await expectRefusal(await folderWith("<html>"), "INVALID_ARGUMENT", /index\.json is not JSON/);
  });

  test("that names a tensor that its file does not hold", async () => {
    const folder = await folderWith({ weight_map: { z: "model.safetensors" } });
    await expectRefusal(
      folder,
      "INVALID_ARGUMENT",
      /has tensor "z" in model\.safetensors, which does not hold it/,
    );
  });
});
