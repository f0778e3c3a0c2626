import { expect, test } from "vitest";
import type { Home } from "../../common/home.js";
import { lastLogits, relativeError, tokensOf } from "../../test/fixtures/cpu-pipeline.js";
import { packedWeights } from "../../test/fixtures/packed-weights.js";
import { temporaryHome } from "../../test/fixtures/temporary-home.js";
import { packTiny, type TinyModelOptions, tinySource } from "../../test/fixtures/tiny-model.js";
import type { ModelSource } from "../source/model-source.js";
import type { Manifest } from "../store/manifest.js";
import { openStore } from "../store/model-store.js";
import { packModel } from "./pack-model.js";

const shas = ({ blobs }: Manifest) => blobs.map(({ sha256 }) => sha256);

async function pack(home: Home, source: ModelSource, signal?: AbortSignal): Promise<Manifest> {
  return packModel({ source, store: openStore(home), name: "tiny", variant: "int8", signal });
}

test("rounded products are laid out as the manifest says", async () => {
  const { manifest, blobsFolder } = await packTiny(tinySource({ config: { layerCount: 1 } }), "int8");
  const [embed, layer, head] = manifest.blobs;
  expect(embed?.products).toMatchObject([{ name: "embed", encoding: "dense", transposed: true }]);
  expect(embed?.tensors).toMatchObject([{ name: "embed.weight", dtype: "f16", shape: [50, 64] }]);
  expect(layer?.products).toEqual([
    {
      encoding: "w8a8",
      name: "qkv",
      inputSize: 64,
      outputSize: 128,
      weight: "qkv.weight",
      scales: "qkv.scales",
    },
    { encoding: "w8a8", name: "o", inputSize: 64, outputSize: 64, weight: "o.weight", scales: "o.scales" },
    {
      encoding: "w8a8",
      name: "gate_up",
      inputSize: 64,
      outputSize: 192,
      weight: "gate_up.weight",
      scales: "gate_up.scales",
    },
    {
      encoding: "w8a8",
      name: "down",
      inputSize: 96,
      outputSize: 64,
      weight: "down.weight",
      scales: "down.scales",
      hadamard: 32,
    },
  ]);
  expect(layer?.tensors.map(({ name, dtype, shape }) => [name, dtype, shape])).toEqual(
    expect.arrayContaining([
      ["attn_norm", "f32", [64]],
      ["ffn_norm", "f32", [64]],
      ["down.weight", "i8", [96, 64]],
      ["down.scales", "f32", [64]],
    ]),
  );
  // The head is rounded, so a tied one has weights of its own.
  expect(head?.products).toMatchObject([{ name: "head", encoding: "w8a8", inputSize: 64, outputSize: 50 }]);
  const weights = await packedWeights(manifest, blobsFolder);
  for (const name of ["norm.weight", "layers.0.attn_norm.weight", "layers.0.ffn_norm.weight"]) {
    expect(new Set(weights(name))).toEqual(new Set([1]));
  }
});

test.each<[string, TinyModelOptions]>([
  ["tied", {}],
  ["quantized", { encoding: (name) => (name.includes("down") ? "Q8_0" : "Q4_1") }],
  ["biased, untied", { config: { attentionBias: true, tiedEmbedding: false } }],
  ["odd sizes", { config: { hiddenSize: 48, headCount: 3, kvHeadCount: 3, feedForwardSize: 86 } }],
])("a rounded model computes nearly what its source does: %s", async (_name, options) => {
  const exact = await packTiny(tinySource(options), "f32");
  const rounded = await packTiny(tinySource(options), "int8");
  const [expected, got] = await Promise.all(
    [exact, rounded].map(async ({ manifest, blobsFolder }) => {
      return lastLogits(manifest, await packedWeights(manifest, blobsFolder), tokensOf(24, 1));
    }),
  );
  expect(relativeError(Float32Array.from(got ?? []), expected as Float64Array)).toBeLessThan(0.04);
  expect(rounded.manifest.quality?.steps).toBeGreaterThan(100);
  // Of the rounded activations too, so it is not as small as the error of the weights.
  expect(rounded.manifest.quality?.klMean).toBeLessThan(0.02);
  expect(exact.manifest.quality).toBeUndefined();
});

test("an interrupted pack goes on where it stopped, with the same result", async () => {
  const home = await temporaryHome();
  const whole = await pack(await temporaryHome(), tinySource());
  const abort = new AbortController();
  // The hashes of all inputs are made first; the second time that a tensor is read it is packed.
  const reads = new Map<string, number>();
  const counted = (act: () => void): ModelSource => {
    const source = tinySource();
    return {
      ...source,
      read: async (name) => {
        reads.set(name, (reads.get(name) ?? 0) + 1);
        if (name === "norm.weight" && reads.get(name) === 2) act();
        return source.read(name);
      },
    };
  };
  await expect(
    pack(
      home,
      counted(() => abort.abort()),
      abort.signal,
    ),
  ).rejects.toMatchObject({ code: "CANCELLED" });
  const store = openStore(home);
  const kept = await Promise.all(shas(whole).map((sha256) => store.has(sha256)));
  expect(kept[0]).toBe(true);
  expect(kept.at(-1)).toBe(false);
  const again = await pack(home, tinySource());
  expect(shas(again)).toEqual(shas(whole));
  expect(again.quality).toEqual(whole.quality);
});

test("a blob depends on all that is before it", async () => {
  const first = await pack(await temporaryHome(), tinySource());
  const changed = tinySource();
  const source: ModelSource = {
    ...changed,
    read: async (name) => {
      const bytes = await changed.read(name);
      if (name !== "layers.1.o.weight") return bytes;
      return new Uint8Array(new Float32Array(bytes.slice().buffer).map((value) => -value).buffer);
    },
  };
  const second = await pack(await temporaryHome(), source);
  expect(shas(second).map((sha256, i) => sha256 === shas(first)[i])).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
});
