import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { homeAt } from "../../common/home.js";
import { packedWeights } from "../../test/fixtures/packed-weights.js";
import { roundPacked } from "../../test/fixtures/round-packed.js";
import { packTiny, type TinyModelOptions, tinySource } from "../../test/fixtures/tiny-model.js";
import { halfValues, toHalf } from "../encoding/half.js";
import { realDisk } from "../store/disk.js";
import type { Blob, Manifest } from "../store/manifest.js";
import { ModelStore } from "../store/model-store.js";
import { removeUnused } from "../store/remove-model.js";
import { ensureExpanded } from "./ensure-expanded.js";
import { expandBlob } from "./expand-blob.js";
import { expandedBytes, heldBytes } from "./weight-sizes.js";

type Packed = { manifest: Manifest; blobsFolder: string };

/** The store that packTiny has packed into. */
function storeOf({ blobsFolder }: Packed): ModelStore {
  return new ModelStore(homeAt(join(blobsFolder, "..")), realDisk);
}

async function expandedModel(packed: Packed): Promise<Packed> {
  const store = storeOf(packed);
  const blobs: Blob[] = [];
  for (const blob of packed.manifest.blobs) blobs.push(await ensureExpanded(store, blob));
  return { manifest: { ...packed.manifest, blobs }, blobsFolder: packed.blobsFolder };
}

const matrices = ["q", "k", "v", "o", "gate", "up", "down"].map((name) => `layers.1.${name}.weight`);

/** Every weight is the half that is nearest to the f32 that is nearest to what is packed. */
async function expectExpanded(packed: Packed, expanded: Packed, names: readonly string[]): Promise<void> {
  const before = await packedWeights(packed.manifest, packed.blobsFolder);
  const after = await packedWeights(expanded.manifest, expanded.blobsFolder);
  const halves = halfValues();
  for (const name of names) {
    const wanted = before(name) as Float64Array;
    const found = after(name) as Float64Array;
    expect(found, name).toHaveLength(wanted.length);
    const wrong = wanted.findIndex((value, at) => halves[toHalf(Math.fround(value))] !== found[at]);
    expect(wrong, name).toBe(-1);
  }
}

describe("expanding a blob", () => {
  const wide: TinyModelOptions["config"] = { hiddenSize: 256, headSize: 64, feedForwardSize: 512 };
  it.each([
    ["4 bits", "Q4_0", {}],
    ["4 bits with minima and biases", "Q4_1", { attentionBias: true, tiedEmbedding: false }],
    ["8 bits", "Q8_0", {}],
    ["8 bits in blocks of 16", "Q6_K", wide],
    ["minima in blocks of 16", "Q2_K", wide],
  ] as const)("gives the nearest halves: %s", async (_name, encoding, config) => {
    const packed = await packTiny(tinySource({ config, encoding: () => encoding }), "as-is");
    const expanded = await expandedModel(packed);
    await expectExpanded(packed, expanded, ["embed.weight", ...matrices]);
    const products = expanded.manifest.blobs.flatMap((blob) => blob.products);
    expect(products.map((product) => product.encoding)).toEqual(products.map(() => "dense"));
  });

  it("gives rows that no whole number of blocks fills", async () => {
    const packed = await packTiny(tinySource({ config: { feedForwardSize: 84 } }), "int4");
    expect(packed.manifest.blobs[1]?.products.map(({ encoding }) => encoding)).toContain("blocked");
    await expectExpanded(packed, await expandedModel(packed), matrices);
  });

  it("gives weights of integers by integers, with what their inputs were to be transformed by", async () => {
    const rounded = await roundPacked(await packTiny(tinySource(), "f32"));
    const blobs = rounded.manifest.blobs.map((blob) => ({
      ...blob,
      products: blob.products.map((product) =>
        product.name === "down" && product.encoding === "w8a8" ? { ...product, hadamard: 32 } : product,
      ),
    }));
    const packed = { ...rounded, manifest: { ...rounded.manifest, blobs } };
    await expectExpanded(packed, await expandedModel(packed), ["head.weight", ...matrices]);
  });

  it("halves floats", async () => {
    const packed = await packTiny(tinySource({ config: { tiedEmbedding: false } }), "f32");
    const expanded = await expandedModel(packed);
    await expectExpanded(packed, expanded, ["embed.weight", "head.weight", ...matrices]);
  });

  it("keeps vectors as they are", async () => {
    const packed = await packTiny(tinySource({ config: { attentionBias: true } }), "int4");
    const expanded = await expandedModel(packed);
    const [packedOnes, expandedOnes] = await Promise.all(
      [packed, expanded].map(({ manifest, blobsFolder }) => packedWeights(manifest, blobsFolder)),
    );
    for (const name of ["norm.weight", "layers.0.attn_norm.weight", "layers.0.q.bias"]) {
      expect(packedOnes?.(name)).toBeDefined();
      expect(expandedOnes?.(name)).toEqual(packedOnes?.(name));
    }
  });

  it("knows sizes before", async () => {
    const packed = await packTiny(tinySource({ encoding: () => "Q4_1" }), "as-is");
    const expanded = await expandedModel(packed);
    for (const [index, blob] of expanded.manifest.blobs.entries()) {
      const estimate = expandedBytes(packed.manifest.blobs[index] as Blob);
      expect(estimate).toBeGreaterThanOrEqual(blob.sizeBytes);
      expect(estimate - blob.sizeBytes).toBeLessThanOrEqual(4096 * blob.tensors.length);
      expect(heldBytes(blob)).toBeLessThanOrEqual(blob.sizeBytes);
    }
    const layer = packed.manifest.blobs[1] as Blob;
    const weights = 64 * (64 + 2 * 32) + 64 * 64 + 3 * 64 * 96;
    // 4 bits, and of each block of 32 a scale and a minimum in halves.
    expect(heldBytes(layer)).toBe(weights * (0.5 + 4 / 32) + 2 * 64 * 2);
  });

  it("makes it once, and again when what was made has gone", async () => {
    const packed = await packTiny(tinySource(), "int4");
    const [store, blob] = [storeOf(packed), packed.manifest.blobs[1] as Blob];
    let written = 0;
    const make = () => ensureExpanded(store, blob, { onBytes: () => written++ });
    const [first, second] = await Promise.all([make(), make()]);
    const once = written;
    expect(second).toEqual(first);
    expect(await make()).toEqual(first);
    expect(written).toBe(once);
    await store.write(packed.manifest);
    await removeUnused(store);
    expect(await store.has(first?.sha256 as string)).toBe(false);
    expect(await store.has(blob.sha256)).toBe(true);
    expect(await make()).toEqual(first);
    expect(written).toBe(2 * once);
  });

  it.each([
    ["another size", (blob: Blob) => blob.tensors.map((tensor) => ({ ...tensor, shape: [3] }))],
    ["no such tensor", () => []],
  ])("refuses a blob that is not what it says: %s", async (_name, tensorsOf) => {
    const packed = await packTiny(tinySource(), "int4");
    const blob = packed.manifest.blobs[1] as Blob;
    const broken = { ...blob, tensors: tensorsOf(blob) };
    await expect(expand(packed, broken)).rejects.toMatchObject({ code: "DATA_LOSS" });
  });

  it("refuses a blob that ends early, and leaves nothing behind", async () => {
    const packed = await packTiny(tinySource(), "int4");
    const blob = packed.manifest.blobs[1] as Blob;
    const tensors = blob.tensors.map((tensor) => ({ ...tensor, offsetBytes: tensor.offsetBytes + 2 ** 20 }));
    await expect(expand(packed, { ...blob, tensors })).rejects.toThrow(/ends inside its tensor/);
    await expect(readFile(join(packed.blobsFolder, "test.partial"))).rejects.toThrow(/ENOENT/);
  });

  it("refuses weights that f16 cannot hold", async () => {
    const source = tinySource();
    const read = async (name: string): Promise<Uint8Array> => {
      const bytes = await source.read(name);
      if (name === "layers.0.o.weight") new Float32Array(bytes.buffer)[5] = 7e4;
      return bytes;
    };
    const packed = await packTiny({ ...source, read }, "f32");
    const blob = packed.manifest.blobs[1] as Blob;
    await expect(expand(packed, blob)).rejects.toThrow(/product o of blob .* has a weight of 70000/);
  });
});

function expand(packed: Packed, blob: Blob): Promise<Blob> {
  return expandBlob({ store: storeOf(packed), blob, partialName: "test.partial" });
}
