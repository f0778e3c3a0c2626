import { expect, test } from "vitest";
import { blobRecipes, tensorsOf } from "../../model/pack/blob-recipes.js";
import { modelShapes, randomModel, type ShapeName } from "./random-model.js";

test.each(Object.keys(modelShapes) as ShapeName[])("%s has every tensor that packing asks for", (name) => {
  const source = randomModel(name);
  const wanted = blobRecipes(source.config, "f16").flatMap((recipe) => tensorsOf(recipe));
  expect(wanted.filter((tensor) => source.tensor(tensor) === undefined)).toEqual([]);
});

test("a tensor is the same whatever was read before it, and no other tensor is", async () => {
  const read = async (...names: string[]) => {
    const source = randomModel("tiny");
    const tensors = [];
    for (const name of names) tensors.push(Buffer.from(await source.read(name)));
    return tensors;
  };
  const [one, other] = ["layers.0.gate.weight", "layers.1.gate.weight"];
  const [first, second] = await read(one, other);
  expect((await read(other, one)).reverse()).toEqual([first, second]);
  expect(first).not.toEqual(second);
});

test("weights are small, differ, and come again from the same seed; norms do nothing", async () => {
  const [one, again, other] = await Promise.all(
    [1, 1, 2].map(async (seed) => {
      const bytes = await randomModel("135m", seed).read("layers.0.k.weight");
      return new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
    }),
  );
  expect(one).toEqual(again);
  expect(one).not.toEqual(other);
  // Below 0.02 in half precision.
  expect(one?.every((bits) => (bits & 0x7fff) <= 0x2520)).toBe(true);
  expect(new Set(one).size).toBeGreaterThan(1000);
  const norm = await randomModel("135m").read("norm.weight");
  expect(new Set(new Uint16Array(norm.buffer))).toEqual(new Set([0x3c00]));
});
