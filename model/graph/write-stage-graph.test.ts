import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { tempFolder } from "../../test/fixtures/temp-folder.js";
import { writeStageGraph } from "./write-stage-graph.js";

const model = Uint8Array.of(1, 2, 3);

it("names a graph by its content and leaves nothing else behind", async () => {
  const folder = await tempFolder();
  const [path, again] = await Promise.all([writeStageGraph(folder, model), writeStageGraph(folder, model)]);
  expect(path).toBe(join(folder, "039058c6f2c0cb492c533b0a4d14ef77cc0f78abccced5287d84a1a2011cfb81.onnx"));
  expect(again).toBe(path);
  expect(await readdir(folder)).toHaveLength(1);
  expect(new Uint8Array(await readFile(path))).toEqual(model);
});

it("writes again what is there with another size", async () => {
  const folder = await tempFolder();
  const path = await writeStageGraph(folder, model);
  await writeFile(path, "c");
  await writeStageGraph(folder, model);
  expect(new Uint8Array(await readFile(path))).toEqual(model);
});

it("says where it could not write", async () => {
  const folder = join(await tempFolder(), "missing");
  await expect(writeStageGraph(folder, model)).rejects.toThrow(/cannot write the stage's graph .*missing/);
});
