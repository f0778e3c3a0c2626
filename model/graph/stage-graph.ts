import { StagecoachError } from "../../common/errors.js";
import type { ActivationDtype } from "../../common/tensor.js";
import type { Blob, Manifest } from "../store/manifest.js";
import { stageBlobs } from "../store/stage-blobs.js";
import { hiddenInput, hiddenOutput } from "./activation.js";
import { floatAttention } from "./attention.js";
import type { AttentionForm } from "./attention-form.js";
import { BlobTensors } from "./blob-tensors.js";
import { embedding } from "./embedding.js";
import { feedForward } from "./feed-forward.js";
import { GraphBuilder } from "./graph-builder.js";
import { head } from "./head.js";
import { int8Attention } from "./int8-attention.js";
import { kvForm } from "./kv-form.js";
import { unpackIntegers } from "./packed-integers.js";
import { type PagedKv, pagedAttention } from "./paged-attention.js";
import { ProductInput, product } from "./product.js";
import { ResidualStream } from "./residual-stream.js";
import { graphInputs } from "./stage-graph-io.js";

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
  /** KV in blocks on a GPU, and floats of 16 bits all through; otherwise KV comes in rows. */
  readonly paged?: PagedKv;
}

/**
 * The ONNX model of a stage. Weights stay in the blobs: the model names them by sha256 and must be
 * loaded from the blobs' folder. Inputs and outputs: stage-graph-io.ts.
 * @throws StagecoachError INVALID_ARGUMENT for layers that the model lacks, DATA_LOSS for an incomplete manifest,
 * FAILED_PRECONDITION for a paged stage of a model with products of integers.
 */
export function stageGraph(manifest: Manifest, range: StageRange): Uint8Array {
  checkRange(manifest, range);
  const { config } = manifest;
  const { paged } = range;
  if (paged) checkForGpu(manifest, range);
  const floats = paged ? "f16" : "f32";
  const headsSize = config.headCount * config.headSize;
  const graph = new GraphBuilder();
  if (paged?.packedIntegers === true) unpackIntegers(graph, range);
  const blobs = {
    embed: new BlobTensors(graph, blobOf(manifest, "embed"), floats),
    head: new BlobTensors(graph, blobOf(manifest, "head"), floats),
  };
  const start = range.embedding
    ? embedding(graph, blobs.embed, graph.input(graphInputs.tokens, "i32", ["T"]))
    : hiddenInput(graph, config.hiddenSize, floats, range.activationDtype);
  const stream = new ResidualStream(graph, start, config.normEpsilon);

  const attention = attentionForm(graph, manifest, range);
  for (let layer = range.firstLayer; layer < range.endLayer; layer++) {
    const blob = new BlobTensors(graph, blobOf(manifest, "layer", layer), floats);
    const input = new ProductInput(graph, stream.normed(blob.floats("attn_norm")), config.hiddenSize);
    const heads = attention.heads(blob, input, layer);
    const lastRows = range.head && layer === range.endLayer - 1;
    if (lastRows) keepSampledRows(graph, stream);
    const seen = new ProductInput(graph, lastRows ? sampledRows(graph, heads) : heads, headsSize);
    stream.add(product(graph, blob, seen, blob.product("o")));
    const inner = new ProductInput(graph, stream.normed(blob.floats("ffn_norm")), config.hiddenSize);
    stream.add(feedForward(graph, blob, inner, config.feedForwardSize));
  }
  attention.finish();

  if (!range.head) {
    hiddenOutput(graph, stream.value(), config.hiddenSize, floats, range.activationDtype);
    return graph.model();
  }
  if (range.firstLayer === range.endLayer) keepSampledRows(graph, stream);
  graph.within("head", () => head(graph, manifest, blobs, stream, floats));
  return graph.model();
}

function attentionForm(graph: GraphBuilder, manifest: Manifest, range: StageRange): AttentionForm {
  const { config } = manifest;
  const hasLayers = range.endLayer > range.firstLayer;
  if (range.paged && hasLayers) return pagedAttention(graph, config, range.paged, range);
  const int8 = kvForm(manifest) === "int8" && hasLayers;
  return int8 ? int8Attention(graph, config, range) : floatAttention(graph, config);
}

/** After the last attention only the rows whose logits are wanted go on: a prefill chunk needs one of them. */
function keepSampledRows(graph: GraphBuilder, stream: ResidualStream): void {
  stream.keepRows(graph.input(graphInputs.sampleRows, "i64", ["R"]));
}

function sampledRows(graph: GraphBuilder, value: string): string {
  return graph.op("Gather", [value, graph.input(graphInputs.sampleRows, "i64", ["R"])]);
}

function blobOf(manifest: Manifest, role: Blob["role"], layer?: number): Blob {
  const blob = manifest.blobs.find((candidate) => candidate.role === role && candidate.layer === layer);
  if (blob) return blob;
  const name = layer === undefined ? role : `${role} ${layer}`;
  throw new StagecoachError(
    "DATA_LOSS",
    `the manifest of ${manifest.model} (${manifest.variant}) lists no blob for ${name}: pull the model again`,
  );
}

/** GPUs have no products of integers that are rounded row by row: such weights are expanded before. */
function checkForGpu(manifest: Manifest, range: StageRange): void {
  const { model, variant } = manifest;
  for (const { role, layer, products } of stageBlobs({ ...range, manifest })) {
    const product = products.find(({ encoding }) => encoding === "w8a8");
    if (product === undefined) continue;
    const place = layer === undefined ? role : `${role} ${layer}`;
    throw new StagecoachError(
      "FAILED_PRECONDITION",
      `a GPU cannot compute ${model} as ${variant} from packed weights: its product ${product.name} (${place}) is of integers by integers, which is for CPUs: take --gpu-weights auto or f16 on this worker, or serve another --variant`,
    );
  }
}

function checkRange(manifest: Manifest, { firstLayer, endLayer }: StageRange): void {
  const { layerCount } = manifest.config;
  if (firstLayer >= 0 && firstLayer <= endLayer && endLayer <= layerCount) return;
  throw new StagecoachError(
    "INVALID_ARGUMENT",
    `layers [${firstLayer}, ${endLayer}) are not in ${manifest.model}, which has ${layerCount}`,
  );
}
