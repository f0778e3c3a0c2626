import { expect, test } from "vitest";
import { StagecoachError } from "../../common/errors.js";
import type { Manifest, Variant } from "../../model/store/manifest.js";
import { paperManifest } from "../../test/fixtures/stage-fixtures.js";
import { ServedModel } from "./served-model.js";
import { variantFor } from "./variant-for.js";

const { signal } = new AbortController();
const quiet = () => undefined;

/** A model whose variants become ready when they are asked for; `auto` comes out as int8. */
function openModel(fail?: StagecoachError) {
  const asked: (Variant | "auto")[] = [];
  const said: string[] = [];
  const model = new ServedModel({
    manifest: { ...paperManifest(), variant: "as-is", blobs: [] },
    activationDtype: "auto",
    log: { info: (_facts: object, line: string) => void said.push(line) },
    ensure: async (variant): Promise<Manifest> => {
      asked.push(variant);
      if (fail !== undefined && asked.length === 1) throw fail;
      return { ...paperManifest(), variant: variant === "auto" ? "int8" : variant };
    },
  });
  return { model, asked, said };
}

test("a GPU among the workers wants f16, CPUs alone what is fastest", () => {
  expect(variantFor(["cpu", "cpu"])).toBe("auto");
  expect(variantFor(["cpu", "cuda:1"])).toBe("f16");
  expect(variantFor(["webgpu"])).toBe("f16");
  expect(variantFor(["simulated"])).toBe("auto");
});

test("without a given variant it is chosen by the devices, and told why", async () => {
  const { model, asked, said } = openModel();
  expect([model.variant, model.manifest.blobs]).toEqual(["auto", []]);
  await model.settle(["cpu"], quiet, signal);
  expect([model.variant, model.activationDtype]).toEqual(["int8", "FLOAT16"]);
  await model.settle(["cpu", "cpu"], quiet, signal);
  expect(asked).toEqual(["auto"]);
  await model.settle(["cpu", "cuda:0"], quiet, signal);
  expect([model.variant, asked]).toEqual(["f16", ["auto", "f16"]]);
  expect(said).toEqual([
    "serves paper as int8: no GPU is among the workers",
    "serves paper as f16: GPUs multiply floats fastest",
  ]);
});

test("several who ask at once wait for one", async () => {
  const { model, asked } = openModel();
  await Promise.all([model.settle(["cpu"], quiet, signal), model.settle(["cpu"], quiet, signal)]);
  expect(asked).toEqual(["auto"]);
});

test("what failed is tried again", async () => {
  const { model, asked } = openModel(new StagecoachError("UNAVAILABLE", "no network"));
  await expect(model.settle(["cpu"], quiet, signal)).rejects.toThrow("no network");
  expect(model.variant).toBe("auto");
  await model.settle(["cpu"], quiet, signal);
  expect([model.variant, asked.length]).toEqual(["int8", 2]);
});

test("a given variant stays, whoever computes", async () => {
  const manifest = { ...paperManifest(), variant: "f32" as const };
  const model = new ServedModel({ manifest, activationDtype: "auto", log: { info: quiet } });
  await model.settle(["cuda:0"], quiet, signal);
  expect([model.variant, model.activationDtype, model.manifest]).toEqual(["f32", "FLOAT32", manifest]);
});
