import { StagecoachError } from "../../common/errors.js";
import type { ActivationDtype } from "../../common/tensor.js";
import type { ModelConfig } from "../config.js";
import type { Blob, Manifest } from "../store/manifest.js";
import { hiddenInput, hiddenOutput } from "./activation.js";
import { attention } from "./attention.js";
import { BlobTensors } from "./blob-tensors.js";
import { embedding } from "./embedding.js";
import { feedForward } from "./feed-forward.js";
import { GraphBuilder } from "./graph-builder.js";
import { head } from "./head.js";
import { int8Attention, int8KvOutputs, int8PastScales, type LayerScales } from "./int8-attention.js";
import { kvForm } from "./kv-form.js";
import { ProductInput, product } from "./product.js";
import { ResidualStream } from "./residual-stream.js";
import { graphInputs, graphOutputs } from "./stage-graph-io.js";

/** Which part of a model a stage computes; layers `[firstLayer, endLayer)` may be none. */
export interface StageRange {
  readonly firstLayer: number;
  readonly endLayer: number;
  /** Starts from token ids. */
  readonly embedding: boolean;
  /** Ends with logits. */
  readonly head: boolean;
  /** How hidden states come in and go out. Defaults to FLOAT32. */
  readonly activationDtype?: ActivationDtype;
}

/**
 * The ONNX model of a stage. Weights stay in the blobs: the model names them by sha256 and must be
 * loaded from the blobs' folder. Inputs and outputs: stage-graph-io.ts.
 * @throws StagecoachError INVALID_ARGUMENT for layers that the model lacks, DATA_LOSS for an incomplete manifest.
 */
export function stageGraph(manifest: Manifest, range: StageRange): Uint8Array {
  checkRange(manifest, range);
  const { config } = manifest;
  const headsSize = config.headCount * config.headSize;
  const graph = new GraphBuilder();
  const blobs = {
    embed: blobTensors(graph, manifest, "embed"),
    head: blobTensors(graph, manifest, "head"),
  };
  const start = range.embedding
    ? embedding(graph, blobs.embed, graph.input(graphInputs.tokens, "i32", ["T"]))
    : hiddenInput(graph, config.hiddenSize, range.activationDtype);
  const stream = new ResidualStream(graph, start, config.normEpsilon);

  const layers = range.endLayer - range.firstLayer;
  const int8 = layers > 0 && kvForm(manifest) === "int8";
  const scales = int8 ? int8PastScales(graph, config, layers) : [];
  const newKv: string[] = [];
  for (let layer = range.firstLayer; layer < range.endLayer; layer++) {
    const blob = blobTensors(graph, manifest, "layer", layer);
    const input = new ProductInput(graph, stream.normed(blob.tensor("attn_norm")), config.hiddenSize);
    const { heads, keys, values } = int8
      ? int8Attention(graph, blob, input, config, {
          layer,
          scales: scales[layer - range.firstLayer] as LayerScales,
        })
      : attention(graph, blob, input, config, layer);
    newKv.push(keys, values);
    const lastRows = range.head && layer === range.endLayer - 1;
    if (lastRows) keepSampledRows(graph, stream);
    const seen = new ProductInput(graph, lastRows ? sampledRows(graph, heads) : heads, headsSize);
    stream.add(product(graph, blob, seen, blob.product("o")));
    const inner = new ProductInput(graph, stream.normed(blob.tensor("ffn_norm")), config.hiddenSize);
    stream.add(feedForward(graph, blob, inner, config.feedForwardSize));
  }
  if (newKv.length > 0) graph.within("new KV", () => (int8 ? int8KvOutputs : kvOutput)(graph, newKv, config));

  if (!range.head) {
    hiddenOutput(graph, stream.value(), config.hiddenSize, range.activationDtype);
    return graph.model();
  }
  if (range.firstLayer === range.endLayer) keepSampledRows(graph, stream);
  graph.within("head", () => head(graph, manifest, blobs, stream));
  return graph.model();
}

function kvOutput(graph: GraphBuilder, newKv: string[], { kvHeadCount, headSize }: ModelConfig): void {
  const width = newKv.length * kvHeadCount * headSize;
  graph.output(graphOutputs.newKv, graph.op("Concat", newKv, { axis: 1 }), "f32", ["T", width]);
}

/** After the last attention only the rows whose logits are wanted go on: a prefill chunk needs one of them. */
function keepSampledRows(graph: GraphBuilder, stream: ResidualStream): void {
  stream.keepRows(graph.input(graphInputs.sampleRows, "i64", ["R"]));
}

function sampledRows(graph: GraphBuilder, value: string): string {
  return graph.op("Gather", [value, graph.input(graphInputs.sampleRows, "i64", ["R"])]);
}

function blobTensors(
  graph: GraphBuilder,
  manifest: Manifest,
  role: Blob["role"],
  layer?: number,
): BlobTensors {
  const blob = manifest.blobs.find((candidate) => candidate.role === role && candidate.layer === layer);
  if (blob) return new BlobTensors(graph, blob);
  const name = layer === undefined ? role : `${role} ${layer}`;
  throw new StagecoachError(
    "DATA_LOSS",
    `the manifest of ${manifest.model} (${manifest.variant}) lists no blob for ${name}: pull the model again`,
  );
}

function checkRange(manifest: Manifest, { firstLayer, endLayer }: StageRange): void {
  const { layerCount } = manifest.config;
  if (firstLayer >= 0 && firstLayer <= endLayer && endLayer <= layerCount) return;
  throw new StagecoachError(
    "INVALID_ARGUMENT",
    `layers [${firstLayer}, ${endLayer}) are not in ${manifest.model}, which has ${layerCount}`,
  );
}
