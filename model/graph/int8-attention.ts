import type { ModelConfig } from "../config.js";
import type { AttentionForm } from "./attention-form.js";
import type { BlobTensors } from "./blob-tensors.js";
import type { GraphBuilder } from "./graph-builder.js";
import { type ChunkHeads, chunkHeads, stepHeads, type TokenHeads } from "./int8-heads.js";
import { type ProductInput, qkvProduct } from "./product.js";
import { quantizeRows } from "./quantize-rows.js";
import { graphInputs, graphOutputs } from "./stage-graph-io.js";

/** The scales of a layer's past, for steps and for chunks, see pastScales. */
interface LayerScales {
  readonly steps: readonly [keys: string, values: string];
  readonly chunks: readonly [keys: string, values: string];
}

/**
 * Grouped-query attention over a past of integers: scores and sums over the past are integer products of
 * queries and shares that are rounded row by row; the new tokens are seen as floats. What a chunk sees of earlier
 * ones is what is stored, so it makes no difference whether a sequence computed them itself.
 *
 * Tokens are packed, steps before chunks, and part ways in an `If` after the rotation: steps alone take the fewest
 * nodes; with chunks, those are computed, and the steps beside them in another `If`, where there are any.
 */
export function int8Attention(
  graph: GraphBuilder,
  config: ModelConfig,
  { firstLayer, endLayer }: { readonly firstLayer: number; readonly endLayer: number },
): AttentionForm {
  const scales = pastScales(graph, config, endLayer - firstLayer);
  const newKv: string[] = [];
  return {
    heads: (blob, input, layer) => {
      const place = { layer, scales: scales[layer - firstLayer] as LayerScales };
      const { heads, keys, values } = layerAttention(graph, blob, input, config, place);
      newKv.push(keys, values);
      return heads;
    },
    finish: () => graph.within("new KV", () => newKvOutputs(graph, newKv, config)),
  };
}

interface Place {
  readonly layer: number;
  readonly scales: LayerScales;
}

function layerAttention(
  graph: GraphBuilder,
  blob: BlobTensors,
  input: ProductInput,
  config: ModelConfig,
  place: Place,
): { heads: string; keys: string; values: string } {
  const qkv = qkvProduct(graph, blob, input);
  return graph.within("attention", () => {
    const tokens = rotatedHeads(graph, qkv, config);
    const only = stepsOnly(graph, config, tokens, place);
    const heads = graph.op("If", [graph.input(graphInputs.decode, "bool", [])], {
      then_branch: only,
      else_branch: withChunks(graph, config, tokens, place),
    });
    return { heads, keys: tokens.keys, values: tokens.values };
  });
}

function stepsOnly(graph: GraphBuilder, config: ModelConfig, tokens: TokenHeads, { layer, scales }: Place) {
  const branch = graph.branch();
  const heads = stepHeads(branch, config, tokens, layer, scales.steps);
  branch.output(graph.branchOutput(), heads, "f32", ["T", config.headCount * config.headSize]);
  return branch.graph();
}

function withChunks(graph: GraphBuilder, config: ModelConfig, tokens: TokenHeads, { layer, scales }: Place) {
  const width = config.headCount * config.headSize;
  const branch = graph.branch();
  const chunks: ChunkHeads = { tokens, rows: graph.input(graphInputs.chunkTokens, "i64", ["P", "S"]) };
  const fromChunks = chunkHeads(branch, config, chunks, layer, scales.chunks);

  const mixed = branch.branch();
  const rows = graph.input(graphInputs.stepTokens, "i64", ["B"]);
  const steps = {
    queries: mixed.op("Gather", [tokens.queries, rows]),
    keys: mixed.op("Gather", [tokens.keys, rows]),
    values: mixed.op("Gather", [tokens.values, rows]),
  };
  const fromSteps = stepHeads(mixed, config, steps, layer, scales.steps);
  const both = mixed.op("Concat", [fromSteps, fromChunks], { axis: 0 });
  mixed.output(graph.branchOutput(), both, "f32", ["B + P * S", width]);
  const alone = branch.branch();
  alone.output(graph.branchOutput(), fromChunks, "f32", ["P * S", width]);

  const padded = branch.op("If", [graph.input(graphInputs.mixed, "bool", [])], {
    then_branch: mixed.graph(),
    else_branch: alone.graph(),
  });
  const packed = branch.op("Gather", [padded, graph.input(graphInputs.packedRows, "i64", ["T"])]);
  branch.output(graph.branchOutput(), packed, "f32", ["T", width]);
  return branch.graph();
}

/**
 * The scales of all layers' past come as one input each for steps and for chunks and are parted here: each further
 * input of a run costs more. Parts: `[B, kvHeadCount, 1, C]`.
 */
function pastScales(graph: GraphBuilder, config: ModelConfig, layers: number): LayerScales[] {
  const steps = partedScales(graph, config, layers, graphInputs.pastScales, ["B", "C"]);
  const chunks = partedScales(graph, config, layers, graphInputs.chunkPastScales, ["P", "D"]);
  return Array.from({ length: layers }, (_, layer) => ({
    steps: steps.slice(2 * layer, 2 * layer + 2) as [string, string],
    chunks: chunks.slice(2 * layer, 2 * layer + 2) as [string, string],
  }));
}

function partedScales(
  graph: GraphBuilder,
  { kvHeadCount }: ModelConfig,
  layers: number,
  name: string,
  [rows, capacity]: [string, string],
): string[] {
  const scales = graph.input(name, "f32", [rows, 2 * layers * kvHeadCount, 1, capacity]);
  return graph.ops("Split", 2 * layers, [scales], { axis: 1, num_outputs: 2 * layers });
}

/** Rounds the new keys and values of all layers, `[T, kvHeadCount, 1, headSize]` each, in one go. */
function newKvOutputs(
  graph: GraphBuilder,
  newKv: readonly string[],
  { kvHeadCount, headSize }: ModelConfig,
): void {
  const lanes = newKv.length * kvHeadCount;
  const { levels, peaks } = quantizeRows(graph, graph.op("Concat", newKv, { axis: 1 }), "i8");
  graph.output(graphOutputs.newKv, levels, "i8", ["T", lanes, 1, headSize]);
  graph.output(graphOutputs.newKvPeaks, peaks, "f32", ["T", lanes, 1, 1]);
}

/** Every token by itself: rows of one token each, which need no transposing. */
function rotatedHeads(
  graph: GraphBuilder,
  qkv: string,
  { headCount, kvHeadCount, headSize, ropeDimension, ropeInterleaved }: ModelConfig,
): TokenHeads {
  const heads = graph.op("Reshape", [qkv, graph.integers(-1, headCount + 2 * kvHeadCount, 1, headSize)]);
  const turning = graph.integers(headCount + kvHeadCount, kvHeadCount);
  const [plain, values] = graph.ops("Split", 2, [heads, turning], { axis: 1 }) as [string, string];
  const tableShape = ["X", ropeDimension / 2];
  const partial = ropeDimension !== headSize;
  const rotated = graph.fused(
    "RotaryEmbedding",
    [
      plain,
      graph.input(graphInputs.positions, "i64", ["T", 1]),
      graph.input(graphInputs.rotaryCos, "f32", tableShape),
      graph.input(graphInputs.rotarySin, "f32", tableShape),
    ],
    {
      interleaved: ropeInterleaved ? 1 : 0,
      num_heads: partial ? headCount + kvHeadCount : 0,
      rotary_embedding_dim: partial ? ropeDimension : 0,
    },
  );
  const kinds = graph.integers(headCount, kvHeadCount);
  const [queries, keys] = graph.ops("Split", 2, [rotated, kinds], { axis: 1 }) as [string, string];
  return { queries, keys, values };
}
