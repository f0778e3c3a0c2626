import { describe, expect, test } from "vitest";
import { huggingFaceConfig } from "../../test/fixtures/random-folder.js";
import { randomModel } from "../../test/fixtures/random-model.js";
import { architectures } from "./architectures.js";
import { readConfig } from "./read-config.js";
import { readHuggingFaceConfig } from "./safetensors-source.js";
import type { Settings } from "./settings.js";

const plain = randomModel().config;
const json = huggingFaceConfig(plain);

function expectRefusal(change: Record<string, unknown>, message: RegExp): void {
  expect(() => readHuggingFaceConfig({ ...json, ...change })).toThrow(
    expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringMatching(message) }),
  );
}

describe("config.json", () => {
  test("of a whole model", () => {
    expect(readHuggingFaceConfig(json).config).toEqual(plain);
  });

  test("with what may be left out", () => {
    const {
      head_dim,
      num_key_value_heads,
      rope_theta,
      rope_scaling,
      tie_word_embeddings,
      hidden_act,
      ...least
    } = json;
    expect(readHuggingFaceConfig(least).config).toEqual({ ...plain, kvHeadCount: 4 });
  });

  test("with a head size of its own, as Mistral Nemo has", () => {
    const { config } = readHuggingFaceConfig({ ...json, model_type: "mistral", head_dim: 128 });
    expect(config).toMatchObject({ headSize: 128, ropeDimension: 128, hiddenSize: 64 });
  });

  test("with rotary settings where transformers 5 puts them", () => {
    const { rope_theta, rope_scaling, ...others } = json;
    const { config } = readHuggingFaceConfig({
      ...others,
      rope_parameters: { rope_type: "linear", rope_theta: 5000, factor: 2 },
    });
    expect(config).toMatchObject({ ropeBase: 5000, ropeScaling: { kind: "linear", factor: 2 } });
  });

  test.each<[Record<string, unknown>, RegExp]>([
    [{ model_type: "gemma" }, /"model_type" is "gemma", .* supported are llama, mistral, qwen2/],
    [{ model_type: undefined }, /"model_type" is undefined/],
    [{ hidden_size: undefined }, /config\.json "hidden_size" is missing/],
    [{ hidden_size: 0 }, /"hidden_size" is 0 and should be a whole number from 1/],
    [{ hidden_size: "64" }, /"hidden_size" is "64"/],
    [{ hidden_size: 1e300 }, /"hidden_size" is 1e\+300/],
    [{ num_hidden_layers: [3] }, /"num_hidden_layers" is a list/],
    [{ num_hidden_layers: -1 }, /"num_hidden_layers" is -1/],
    [{ num_hidden_layers: 2.5 }, /"num_hidden_layers" is 2.5/],
    [
      { num_attention_heads: 5, num_key_value_heads: 5, head_dim: null },
      /"num_attention_heads" is 5, which does not divide .*"hidden_size" = 64/,
    ],
    [
      { num_key_value_heads: 3 },
      /"num_key_value_heads" is 3, which does not divide .*"num_attention_heads" = 4/,
    ],
    [{ head_dim: 15 }, /"head_dim" makes heads of 15/],
    [{ rms_norm_eps: 0 }, /"rms_norm_eps" is 0/],
    [{ rope_theta: -1 }, /"rope_theta" is -1/],
    [{ rope_theta: "big" }, /"rope_theta" is "big"/],
    [{ tie_word_embeddings: "yes" }, /"tie_word_embeddings" is "yes" and should be true or false/],
    [{ hidden_act: "gelu" }, /"hidden_act" is "gelu", which asks for another activation/],
    [{ attention_bias: true }, /"attention_bias" is true, which asks for a bias/],
    [{ mlp_bias: true }, /"mlp_bias" is true/],
    [{ partial_rotary_factor: 0.5 }, /"partial_rotary_factor" is 0.5/],
    [
      { quantization_config: { quant_method: "gptq" } },
      /"quantization_config" .*gptq.* asks for quantized safetensors/,
    ],
  ])("refuses %j", expectRefusal);
});

describe("a sliding window", () => {
  test.each<[name: string, change: Record<string, unknown>]>([
    ["mistral's, shorter than the context", { model_type: "mistral", sliding_window: 64 }],
    [
      "mistral's, left to its default",
      { model_type: "mistral", sliding_window: undefined, max_position_embeddings: 32_768 },
    ],
    ["qwen2's, turned on", { model_type: "qwen2", sliding_window: 64, use_sliding_window: true }],
    ["llama's", { sliding_window: 64 }],
  ])("is refused: %s", (_, change) => {
    expectRefusal(
      change,
      /sliding_window" is (64|4096), a sliding window shorter than the context of (128|32768)/,
    );
  });

  test("of single layers is refused", () => {
    expectRefusal(
      { layer_types: ["full_attention", "sliding_attention"] },
      /"layer_types" has "sliding_attention"/,
    );
  });

  test.each<[name: string, change: Record<string, unknown>]>([
    ["mistral's, as long as the context", { model_type: "mistral", sliding_window: 128 }],
    ["mistral's, null", { model_type: "mistral", sliding_window: null, max_position_embeddings: 32_768 }],
    ["qwen2's, turned off", { model_type: "qwen2", sliding_window: 64, use_sliding_window: false }],
    ["full attention in every layer", { layer_types: ["full_attention", "full_attention"] }],
  ])("is no matter: %s", (_, change) => {
    expect(readHuggingFaceConfig({ ...json, ...change }).config.layerCount).toBe(3);
  });
});

describe("rope scaling of config.json", () => {
  const scaled = (scaling: unknown) => readHuggingFaceConfig({ ...json, rope_scaling: scaling }).config;

  test("llama3", () => {
    const config = scaled({
      rope_type: "llama3",
      factor: 32,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 8192,
    });
    expect(config.contextLength).toBe(128);
    expect(config.ropeScaling).toEqual({
      kind: "llama3",
      factor: 32,
      lowFrequencyFactor: 1,
      highFrequencyFactor: 4,
      originalContextLength: 8192,
    });
  });

  test("yarn by the older key, with its defaults, stretches the context", () => {
    const config = scaled({ type: "yarn", factor: 4 });
    expect(config.contextLength).toBe(512);
    expect(config.ropeScaling).toMatchObject({
      kind: "yarn",
      factor: 4,
      originalContextLength: 128,
      betaFast: 32,
      betaSlow: 1,
      attentionFactor: expect.closeTo(1.138629436111989, 12),
    });
  });

  test("yarn with its own attention", () => {
    expect(scaled({ rope_type: "yarn", factor: 4, attention_factor: 1.5 }).ropeScaling).toMatchObject({
      attentionFactor: 1.5,
    });
    const both = { rope_type: "yarn", factor: 40, mscale: 1, mscale_all_dim: 1 };
    expect(scaled(both).ropeScaling).toMatchObject({ attentionFactor: 1 });
  });

  test.each([null, undefined, {}, { rope_type: "default" }])("none: %j", (scaling) => {
    expect(scaled(scaling).ropeScaling).toEqual({ kind: "none" });
  });

  test.each<[unknown, RegExp]>([
    [
      { rope_type: "longrope", factor: 4 },
      /"rope_scaling\.rope_type" is "longrope" .* linear, llama3 or yarn/,
    ],
    [{ type: "dynamic", factor: 4 }, /"rope_scaling\.type" is "dynamic"/],
    [{ rope_type: 7 }, /"rope_scaling\.rope_type" is 7 and should be a text/],
    [{ rope_type: "linear" }, /"rope_scaling\.factor" is missing/],
    [{ rope_type: "linear", factor: 0 }, /"rope_scaling\.factor" is 0/],
    [{ rope_type: "yarn", factor: 0.5 }, /"rope_scaling\.factor" is 0.5 and should be 1 or more/],
    [{ rope_type: "yarn", factor: 4, truncate: false }, /"rope_scaling\.truncate" is false/],
    [
      {
        rope_type: "llama3",
        factor: 8,
        low_freq_factor: 4,
        high_freq_factor: 4,
        original_max_position_embeddings: 8,
      },
      /"rope_scaling\.high_freq_factor" is 4 and should be above 4/,
    ],
    ["linear", /"rope_scaling" is "linear" and should be an object/],
  ])("refuses %j", (scaling, message) => expectRefusal({ rope_scaling: scaling }, message));
});

test("every architecture names all its tensors in every format", () => {
  for (const { architecture, tensors, gguf, huggingFace } of architectures) {
    for (const format of [gguf, huggingFace]) {
      if (format === undefined) continue;
      expect(Object.keys(format.tensorNames).sort(), architecture).toEqual(Object.keys(tensors).sort());
      expect(new Set(Object.values(format.tensorNames)).size).toBe(Object.keys(tensors).length);
    }
  }
});

test("GGUF's llama without any of the optional keys", () => {
  const architecture = architectures.find(({ gguf }) => gguf?.name === "llama") ?? expect.fail();
  const values: Record<string, number> = {
    block_count: 2,
    embedding_length: 64,
    "attention.head_count": 8,
    feed_forward_length: 172,
    context_length: 128,
    "attention.layer_norm_rms_epsilon": 1e-5,
  };
  const settings: Settings = { describe: (key) => key, get: (key) => values[key] };
  const facts = { vocabularySize: 512, tiedEmbedding: true };
  const format = architecture.gguf ?? expect.fail();
  expect(readConfig(architecture, format, settings, facts)).toMatchObject({
    kvHeadCount: 8,
    headSize: 8,
    ropeBase: 10_000,
    ropeInterleaved: true,
    tiedEmbedding: true,
  });
  values["expert_count"] = 8;
  expect(() => readConfig(architecture, format, settings, facts)).toThrow(
    /expert_count is 8, .* mixture of experts/,
  );
});
