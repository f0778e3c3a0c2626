import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { writeRandomFolder } from "../../test/fixtures/random-folder.js";
import { writeRandomGguf } from "../../test/fixtures/random-gguf.js";
import { type RandomModel, randomModel } from "../../test/fixtures/random-model.js";
import { randomModelIds, randomModelTemplate } from "../../test/fixtures/random-tokenizer.js";
import { tempFolder } from "../../test/fixtures/temp-folder.js";
import { blockFormats } from "../encoding/block-formats.js";
import { dequantize } from "../encoding/dequantize.js";
import { ggufEncodings } from "./gguf-types.js";
import type { Encoding, ModelSource } from "./model-source.js";
import { openModelSource } from "./open-source.js";

async function openAsGguf(model: RandomModel, encoding?: (name: string) => Encoding): Promise<ModelSource> {
  const path = join(await tempFolder(), "random.gguf");
  await writeRandomGguf(model, path, encoding);
  return openModelSource(path);
}

async function openAsFolder(
  model: RandomModel,
  options?: Parameters<typeof writeRandomFolder>[2],
): Promise<ModelSource> {
  const folder = join(await tempFolder(), "random");
  await mkdir(folder);
  await writeRandomFolder(model, folder, options);
  return openModelSource(folder);
}

async function weightsOf(source: ModelSource, name: string): Promise<Float32Array> {
  const { encoding, shape } = source.tensor(name) ?? expect.fail(`${name} is missing`);
  return dequantize(
    encoding,
    await source.read(name),
    shape.reduce((product, size) => product * size, 1),
  );
}

/** Compares bytes; toEqual takes a second for what this does in a millisecond. */
function sameWeights(a: Float32Array, b: Float32Array): boolean {
  const bytes = (weights: Float32Array) =>
    Buffer.from(weights.buffer, weights.byteOffset, weights.byteLength);
  return bytes(a).equals(bytes(b));
}

describe.each(["llama", "qwen2"] as const)("GGUF", (architecture) => {
  const model = randomModel({ architecture });

  test(`of ${architecture}`, async () => {
    const source = await openAsGguf(model);
    const ropeInterleaved = architecture === "llama";
    expect(source.config).toEqual({ ...model.config, ropeInterleaved });
    expect(source.origin).toEqual({ kind: "gguf", name: "random.gguf" });
    expect(source.quantized).toBe(false);
    for (const [name, { shape, values }] of model.tensors) {
      expect(source.tensor(name)).toEqual({ name, shape, encoding: "F32", sizeBytes: values.byteLength });
      const reordered = ropeInterleaved && /\.[qk]\./.test(name);
      expect(sameWeights(await weightsOf(source, name), values), name).toBe(!reordered);
    }
    await source.close();
  });
});

describe.each(["llama", "qwen2", "mistral"] as const)("safetensors of %s", (architecture) => {
  const model = randomModel({ architecture });

  test.each([1, 3])("in %i files", async (shardCount) => {
    const source = await openAsFolder(model, { shardCount });
    expect(source.config).toEqual(model.config);
    expect(source.origin).toEqual({ kind: "safetensors", name: "random" });
    for (const [name, { values }] of model.tensors) {
      expect(sameWeights(await weightsOf(source, name), values), name).toBe(true);
    }
    await source.close();
  });
});

describe("both formats say the same of", () => {
  const model = randomModel({ config: { tiedEmbedding: true } });
  const opened = () => Promise.all([openAsGguf(model), openAsFolder(model)]);

  test("tokenizer, template and sampling", async () => {
    for (const source of await opened()) {
      expect(source.tokenizer).toMatchObject({ addBos: false, bosTokenId: randomModelIds.bos });
      expect(source.tokenizer.endTokenIds).toContain(randomModelIds.end);
      expect(source.tokenizer.specialTokens).toMatchObject({ eos_token: "<|im_end|>" });
      expect(source.chatTemplate).toBe(randomModelTemplate);
      expect(source.generationDefaults).toEqual({ temperature: 0.5, topP: 0.75, topK: 40 });
      await source.close();
    }
  });

  test("a tied head", async () => {
    for (const source of await opened()) {
      expect(source.config.tiedEmbedding).toBe(true);
      expect(source.tensor("head.weight")).toBeUndefined();
      await source.close();
    }
  });

  test("rotated heads, up to the order of their rows", async () => {
    const [gguf, folder] = await opened();
    const { headSize, hiddenSize } = model.config;
    const [interleaved, halves] = [
      await weightsOf(gguf, "layers.1.k.weight"),
      await weightsOf(folder, "layers.1.k.weight"),
    ];
    const row = (weights: Float32Array, index: number) =>
      weights.subarray(index * hiddenSize, (index + 1) * hiddenSize);
    for (let pair = 0; pair < headSize / 2; pair++) {
      // The second head.
      const [first, second] = [row(halves, headSize + pair), row(halves, headSize + pair + headSize / 2)];
      expect(sameWeights(row(interleaved, headSize + 2 * pair), first)).toBe(true);
      expect(sameWeights(row(interleaved, headSize + 2 * pair + 1), second)).toBe(true);
    }
    await gguf.close();
    await folder.close();
  });
});

describe("encodings", () => {
  test.each(Object.keys(ggufEncodings) as Encoding[])("GGUF in %s", async (encoding) => {
    const wide = randomModel({
      config: { layerCount: 1, hiddenSize: 256, feedForwardSize: 256, tiedEmbedding: true },
    });
    // Rows of the embedding are whole blocks, too, but it is large; rows of o are not.
    const source = await openAsGguf(wide, (name) => (/embed|\.o\./.test(name) ? "F32" : encoding));
    expect(source.tensor("layers.0.down.weight")).toMatchObject({ encoding, shape: [256, 256] });
    expect(source.quantized).toBe(encoding in blockFormats);
    const weights = await weightsOf(source, "layers.0.down.weight");
    const rms = Math.hypot(...weights) / Math.sqrt(weights.length);
    expect(rms).toBeGreaterThan(0.01);
    expect(rms).toBeLessThan(0.5);
    await source.close();
  });

  test.each([
    ["F16", 2 ** -11],
    ["BF16", 2 ** -8],
  ] as const)("safetensors in %s", async (dtype, precision) => {
    const model = randomModel();
    const source = await openAsFolder(model, { dtype });
    for (const [name, { values }] of model.tensors) {
      const weights = await weightsOf(source, name);
      const largest = Math.max(...values.map((value, i) => Math.abs(value - (weights[i] ?? 0))));
      expect(largest).toBeLessThanOrEqual(precision * Math.max(...values.map(Math.abs)));
      expect(source.tensor(name)?.encoding).toBe(dtype);
    }
    await source.close();
  });
});

describe("what is no model", () => {
  test("nothing there", async () => {
    const path = join(await tempFolder(), "missing.gguf");
    await expect(openModelSource(path)).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: expect.stringContaining(path),
    });
  });

  test.each([
    ["weights.bin", /weights\.bin is neither .*convert the PyTorch file/],
    ["model.safetensors", /give the folder that the file is in/],
    ["page.gguf", /download it again/],
    ["notes.txt", /is neither a GGUF file nor a folder with config\.json and safetensors$/],
  ])("%s", async (name, message) => {
    const path = join(await tempFolder(), name);
    await writeFile(path, "<html>not found</html>");
    await expect(openModelSource(path)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(message),
    });
  });

  test("an empty file", async () => {
    const path = join(await tempFolder(), "empty.gguf");
    await writeFile(path, "");
    await expect(openModelSource(path)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  test("an empty folder", async () => {
    await expect(openModelSource(await tempFolder())).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: expect.stringMatching(/config\.json is missing: this is not a model folder/),
    });
  });
});

test("an unknown tensor cannot be read", async () => {
  const source = await openAsGguf(randomModel());
  expect(source.tensor("layers.9.q.weight")).toBeUndefined();
  await expect(source.read("layers.9.q.weight")).rejects.toMatchObject({
    code: "NOT_FOUND",
    message: 'random.gguf has no tensor "layers.9.q.weight"',
  });
  await source.close();
});

test("a file that is cut while it is open is noticed", async () => {
  const path = join(await tempFolder(), "random.gguf");
  await writeRandomGguf(randomModel(), path);
  const source = await openModelSource(path);
  await writeFile(path, "GGUF");
  await expect(source.read("norm.weight")).rejects.toMatchObject({
    code: "DATA_LOSS",
    message: expect.stringMatching(/random\.gguf ends before byte \d+: it is cut off/),
  });
  await source.close();
});
