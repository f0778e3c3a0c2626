import { expect, test } from "vitest";
import { packModel } from "../../model/pack/pack-model.js";
import { openStore } from "../../model/store/model-store.js";
import { temporaryHome } from "../../test/fixtures/temporary-home.js";
import { tinySource } from "../../test/fixtures/tiny-model.js";
import { measureQuality, type QualityOptions, type QualityPrompt } from "./measure-quality.js";

const prompts: readonly QualityPrompt[] = [
  { promptIds: [1, 2, 3] },
  { promptIds: Array.from({ length: 21 }, (_, i) => (i * 7) % 50) },
  { promptIds: [9], continuation: [4, 4, 8, 1] },
];

/** Measures a tiny model's variant against its f32. */
async function measure(variant: "f32" | "int4", change: Partial<QualityOptions> = {}) {
  const home = await temporaryHome();
  const store = openStore(home);
  const pack = (wanted: "f32" | "int4") =>
    packModel({ source: tinySource(), store, name: "tiny", variant: wanted });
  return measureQuality({
    exact: await pack("f32"),
    other: await pack(variant),
    blobsFolder: home.blobs,
    prompts,
    tokens: 6,
    endTokenIds: [],
    threads: 1,
    ...change,
  });
}

test("a variant is as close to itself as can be", async () => {
  const quality = await measure("f32");
  expect(quality).toMatchObject({ steps: 6 + 6 + 4, sameToken: 1, marginChange: { max: 0 } });
  expect(quality.klMean).toBeLessThan(1e-7);
});

test("a rough variant is further off", async () => {
  const quality = await measure("int4");
  expect(quality.klMean).toBeGreaterThan(1e-3);
  expect(quality.sameToken).toBeLessThan(1);
  expect(quality.marginChange.max).toBeGreaterThan(quality.marginChange.median);
});

test("a continuation of its own stops at an end token, one that is given does not", async () => {
  const everything = Array.from({ length: 50 }, (_, id) => id);
  expect((await measure("f32", { endTokenIds: everything })).steps).toBe(1 + 1 + 4);
  expect((await measure("f32", { tokens: 2 })).steps).toBe(2 + 2 + 2);
});

test.each([
  [[], /no prompt/],
  [[{ promptIds: [] }], /prompt 1 has 0 tokens/],
  [[{ promptIds: Array(251).fill(1) }], /prompt 1 has 251 tokens: with 6 more it must fit .* 256/],
])("prompts that cannot be compared are refused: %#", async (refused, message) => {
  await expect(measure("f32", { prompts: refused })).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    message: expect.stringMatching(message),
  });
});
