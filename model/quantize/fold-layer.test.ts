import { expect, test } from "vitest";
import { expectClose, tokensOf } from "../../test/fixtures/cpu-pipeline.js";
import { type ReferenceWeights, referenceLogits } from "../../test/fixtures/reference-model.js";
import { type TinyModelOptions, tinySource } from "../../test/fixtures/tiny-model.js";
import { dequantize } from "../encoding/dequantize.js";
import type { ModelSource } from "../source/model-source.js";
import { type FoldedProduct, foldLayer, foldRows } from "./fold-layer.js";
import { hadamardRuns } from "./mix-runs.js";
import { rotateResidual } from "./rotate-residual.js";

const models: Record<string, TinyModelOptions> = {
  "llama, tied": {},
  "sizes with odd factors": {
    config: { hiddenSize: 48, headCount: 3, kvHeadCount: 3, feedForwardSize: 86, tiedEmbedding: false },
  },
  "qwen2, biased, untied": { config: { attentionBias: true, tiedEmbedding: false, architecture: "qwen2" } },
};

test.each(Object.entries(models))(
  "a folded and rotated model computes the same: %s",
  async (_name, options) => {
    const source = tinySource(options);
    const plain = await weightsOf(source);
    const tokens = tokensOf(12, 3);
    const expected = referenceLogits(source.config, plainReference(plain), tokens);
    const folded = referenceLogits(source.config, foldedReference(source, plain), tokens);
    for (const [step, logits] of folded.entries()) {
      expectClose(Float32Array.from(logits), expected[step] as Float64Array, 1e-4);
    }
  },
);

type Weights = (name: string) => Float32Array | undefined;

async function weightsOf(source: ModelSource): Promise<Weights> {
  const weights = new Map<string, Float32Array>();
  const layers = Array.from({ length: source.config.layerCount }, (_, layer) =>
    ["attn_norm", "ffn_norm", "q", "k", "v", "o", "gate", "up", "down"].flatMap((name) => [
      `layers.${layer}.${name}.weight`,
      `layers.${layer}.${name}.bias`,
    ]),
  );
  for (const name of ["embed.weight", "norm.weight", "head.weight", ...layers.flat()]) {
    const info = source.tensor(name);
    if (info)
      weights.set(name, dequantize(info.encoding, await source.read(name), info.sizeBytes / 4).slice());
  }
  return (name) => weights.get(name);
}

function plainReference(weights: Weights): ReferenceWeights {
  return (name) => {
    const found = weights(name);
    return found && Float64Array.from(found);
  };
}

/** The folded weights, unrounded, in the places of the plain ones. */
function foldedReference({ config }: ModelSource, weights: Weights): ReferenceWeights {
  const { hiddenSize, headCount, kvHeadCount, headSize, feedForwardSize, layerCount } = config;
  const ones = Float64Array.from({ length: hiddenSize }, () => 1);
  const found = new Map<string, Float64Array>();
  const need = (name: string) => weights(name) ?? expect.fail(`no ${name}`);

  const embed = need("embed.weight").slice();
  rotateResidual(embed, hiddenSize);
  found.set("embed.weight", Float64Array.from(embed));
  const head = foldRows((weights("head.weight") ?? need("embed.weight")).slice(), need("norm.weight"));
  found.set("head.weight", rowsOf({ name: "head", inputSize: hiddenSize, outputSize: 50, weight: head }));
  found.set("norm.weight", ones);
  for (let layer = 0; layer < layerCount; layer++) {
    const at = (name: string) => `layers.${layer}.${name}`;
    const folded = foldLayer(config, (name) => need(at(name)));
    const put = (product: FoldedProduct, parts: readonly (readonly [string, number])[]) => {
      const rows = rowsOf(product);
      let row = 0;
      for (const [name, count] of parts) {
        const [from, to] = [row * product.inputSize, (row + count) * product.inputSize];
        found.set(at(`${name}.weight`), rows.slice(from, to));
        if (product.bias)
          found.set(at(`${name}.bias`), Float64Array.from(product.bias.slice(row, row + count)));
        row += count;
      }
    };
    const kvSize = kvHeadCount * headSize;
    put(folded.qkv, [
      ["q", headCount * headSize],
      ["k", kvSize],
      ["v", kvSize],
    ]);
    put(folded.o, [["o", hiddenSize]]);
    put(folded.gate_up, [
      ["gate", feedForwardSize],
      ["up", feedForwardSize],
    ]);
    put(folded.down, [["down", hiddenSize]]);
    for (const name of ["attn_norm", "ffn_norm"]) found.set(at(`${name}.weight`), ones);
  }
  return (name) => found.get(name);
}

/** `[outputs, inputs]`, with the transform of the inputs put into the weights. */
function rowsOf({ inputSize, outputSize, weight, hadamard = 1 }: FoldedProduct): Float64Array {
  const rows = Float32Array.from({ length: weight.length }, (_, i) => {
    return weight[(i % inputSize) * outputSize + Math.floor(i / inputSize)] as number;
  });
  hadamardRuns(rows, hadamard);
  return Float64Array.from(rows);
}
