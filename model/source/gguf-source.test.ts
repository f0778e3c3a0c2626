import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { encodeTensor } from "../../test/fixtures/encode-tensor.js";
import { writeRandomGguf } from "../../test/fixtures/random-gguf.js";
import { type RandomModelOptions, randomModel } from "../../test/fixtures/random-model.js";
import { tempFolder } from "../../test/fixtures/temp-folder.js";
import type { ModelConfig } from "../config.js";
import { readGgufHeader } from "./gguf-header.js";
import type { GgufValue } from "./gguf-metadata.js";
import { openGguf } from "./gguf-source.js";
import { type GgufTensor, writeGguf } from "./gguf-writer.js";
import { OpenFile } from "./open-file.js";

/** What to do to a random model's file. */
interface Damage {
  /** Values set; undefined takes a key away. */
  metadata?: Record<string, GgufValue | undefined>;
  tensors?: (tensors: GgufTensor[]) => GgufTensor[];
}

async function writeDamaged(
  options: RandomModelOptions,
  { metadata = {}, tensors }: Damage,
): Promise<string> {
  const folder = await tempFolder();
  await writeRandomGguf(randomModel(options), join(folder, "whole.gguf"));
  const file = await OpenFile.open(join(folder, "whole.gguf"));
  const header = readGgufHeader(file);
  const changed = new Map(header.metadata);
  for (const [key, value] of Object.entries(metadata)) {
    if (value === undefined) changed.delete(key);
    else changed.set(key, value);
  }
  const types = new Map([...header.types].filter(([key]) => !(key in metadata)));
  const stored = Array.from(header.tensors.values(), (tensor) => ({
    ...tensor,
    data: () => file.read(tensor.offsetBytes, tensor.sizeBytes),
  }));
  const path = join(folder, "model.gguf");
  await writeGguf(path, { metadata: changed, types, tensors: tensors?.(stored) ?? stored });
  await file.close();
  return path;
}

async function configOf(options: RandomModelOptions, damage: Damage = {}): Promise<ModelConfig> {
  const source = await openGguf(await writeDamaged(options, damage));
  await source.close();
  return source.config;
}

async function expectRefusal(damage: Damage, message: RegExp): Promise<void> {
  await expect(configOf({}, damage)).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    message: expect.stringMatching(message),
  });
}

const zeros = (name: string, shape: number[]): GgufTensor => ({
  name,
  shape,
  encoding: "F32",
  data: () => encodeTensor("F32", new Float32Array(shape.reduce((a, b) => a * b)), Math.random),
});
const without = (name: string) => (tensors: GgufTensor[]) => tensors.filter((tensor) => tensor.name !== name);
const reshaped = (name: string, shape: number[]) => (tensors: GgufTensor[]) =>
  tensors.map((tensor) => (tensor.name === name ? zeros(name, shape) : tensor));

describe("tensors", () => {
  test.each([
    ["blk.1.attn_q.weight", "64, 64"],
    ["blk.2.ffn_norm.weight", "64"],
    ["output_norm.weight", "64"],
    ["token_embd.weight", "272, 64"],
  ])("%s is missing", (name, shape) =>
    expectRefusal(
      { tensors: without(name) },
      new RegExp(`^model\\.gguf: tensor "${name}" \\[${shape}\\] is missing`),
    ),
  );

  test.each([
    ["blk.0.attn_k.weight", [64, 32], "32, 64"],
    ["blk.0.attn_v.weight", [31, 64], "32, 64"],
    ["blk.2.attn_norm.weight", [64, 1], "64"],
    ["blk.1.ffn_down.weight", [96, 64], "64, 96"],
    ["token_embd.weight", [271, 64], "272, 64"],
    ["output.weight", [272, 65], "272, 64"],
  ])("%s has shape %j", (name, shape, wanted) =>
    expectRefusal(
      { tensors: reshaped(name, shape) },
      new RegExp(
        `tensor "${name}" has shape \\[${shape.join(", ")}\\], and the config calls for \\[${wanted}\\]`,
      ),
    ),
  );

  test.each([
    "blk.0.attn_q.bias",
    "blk.3.attn_q.weight",
    "blk.0.ffn_gate_exps.weight",
    "rope_factors_long.weight",
  ])("%s has no place", (name) =>
    expectRefusal(
      { tensors: (tensors) => [...tensors, zeros(name, [8])] },
      new RegExp(`tensor "${name}" has no place in the llama architecture`),
    ),
  );

  test("a config of more layers than there are", () =>
    expectRefusal(
      { metadata: { "llama.block_count": 2 ** 31 - 1 } },
      /"blk\.3\.attn_norm\.weight" \[64\] is missing/,
    ));
});

describe("metadata", () => {
  test.each<[Damage["metadata"] & object, RegExp]>([
    [{ "general.architecture": undefined }, /no metadata "general\.architecture"/],
    [
      { "general.architecture": "gpt-j" },
      /architecture "gpt-j" is not supported; supported are llama and qwen2/,
    ],
    [{ "general.architecture": 3 }, /"general\.architecture" should be a string and is 3/],
    [{ "llama.block_count": undefined }, /metadata "llama\.block_count" is missing/],
    [{ "llama.embedding_length": 0 }, /metadata "llama\.embedding_length" is 0/],
    [
      { "llama.attention.head_count_kv": Int32Array.of(2, 2, 2) },
      /"llama\.attention\.head_count_kv" is a list/,
    ],
    [{ "llama.attention.value_length": 32 }, /value_length" is 32 and attention\.key_length 16/],
    [{ "llama.rope.dimension_count": 8 }, /rope\.dimension_count" is 8 and heads have 16 dimensions/],
    [
      { "llama.attention.sliding_window": 64 },
      /sliding_window" is 64, a sliding window shorter than the context of 128/,
    ],
    [{ "llama.expert_count": 8 }, /expert_count" is 8, which asks for a mixture of experts/],
    [{ "llama.rope.scaling.type": "longrope" }, /rope\.scaling\.type" is "longrope"/],
    [{ "general.sampling.temp": -1 }, /"general\.sampling\.temp" is -1 and should be a number from 0 up/],
    [{ "split.count": 3 }, /one of 3 parts of a model: join them/],
    [{ "tokenizer.ggml.tokens": undefined }, /no metadata "tokenizer\.ggml\.tokens"/],
  ])("%j", (metadata, message) => expectRefusal({ metadata }, message));

  test("head sizes other than width by heads", async () => {
    expect(await configOf({ config: { headSize: 32 } })).toMatchObject({ headSize: 32, ropeDimension: 32 });
  });
});

describe("rope scaling", () => {
  test("linear", async () => {
    const ropeScaling = { kind: "linear", factor: 4 } as const;
    expect((await configOf({ config: { ropeScaling } })).ropeScaling).toEqual(ropeScaling);
  });

  test("linear by its old key, without a type", async () => {
    const config = await configOf({}, { metadata: { "llama.rope.scale_linear": 2 } });
    expect(config.ropeScaling).toEqual({ kind: "linear", factor: 2 });
  });

  test("yarn", async () => {
    const ropeScaling = {
      kind: "yarn",
      factor: 4,
      originalContextLength: 64,
      betaFast: 24,
      betaSlow: 2,
      attentionFactor: 1.138629436111989,
    } as const;
    const config = await configOf({ config: { ropeScaling } });
    expect(config.contextLength).toBe(256);
    expect(config.ropeScaling).toEqual({
      ...ropeScaling,
      attentionFactor: expect.closeTo(1.138629436111989, 12),
    });
  });

  test("factors", async () => {
    const ropeScaling = { kind: "factors", factors: [1, 1, 1, 2, 4, 8, 8, 8] } as const;
    expect((await configOf({ config: { ropeScaling } })).ropeScaling).toEqual(ropeScaling);
  });

  test.each([
    [zeros("rope_freqs.weight", [8]), /"rope_freqs\.weight" has 0 at 0 and should have 8 positive numbers/],
    [zeros("rope_freqs.weight", [9]), /"rope_freqs\.weight" has/],
    [zeros("rope_freqs.weight", [2, 4]), /"rope_freqs\.weight" has shape \[2, 4\]/],
  ])("factors that do not fit", (tensor, message) =>
    expectRefusal({ tensors: (tensors) => [...tensors, tensor] }, message),
  );
});
