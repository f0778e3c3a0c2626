import type { ModelConfig } from "../config.js";
import { GraphBuilder } from "./graph-builder.js";
import { keyCache, transferInputs, transferOutputs, valueCache } from "./stage-graph-io.js";

/** Shape of a cache; see `keyCache`. */
export type CacheDims = readonly [
  blockCount: number,
  blockSize: number,
  kvHeadCount: number,
  headSize: number,
];

/** A graph of its own that reads blocks out of any one cache, its input called `keyCache(0)`. */
export function blockReadGraph(dims: CacheDims): Uint8Array {
  const graph = new GraphBuilder();
  const cache = graph.input(keyCache(0), "f16", dims);
  const read = graph.op("Gather", [cache, graph.input(transferInputs.read, "i64", ["n"])]);
  graph.output(transferOutputs.content, read, "f16", ["n", ...dims.slice(1)]);
  return graph.model();
}

/** A graph of its own that writes blocks into the caches of any one layer, its inputs called as those of layer 0. */
export function blockWriteGraph(config: ModelConfig, dims: CacheDims): Uint8Array {
  const graph = new GraphBuilder();
  const part = (name: string) => graph.input(name, "f16", ["m", dims[2] * dims[3]]);
  const layer = {
    keys: part(transferInputs.keys),
    values: part(transferInputs.values),
    keyCache: graph.input(keyCache(0), "f16", dims),
    valueCache: graph.input(valueCache(0), "f16", dims),
  };
  const done = writeLayer(graph, config, anyQuery(graph, config, layer.keys), layer);
  graph.output(transferOutputs.done, graph.op("Gather", [done, graph.integers(0)]), "f16", [
    1,
    config.headCount * config.headSize,
  ]);
  return graph.model();
}

/**
 * Lets runs of a stage's graph read blocks and write others, for where nothing else sees the caches. A run that does
 * neither pays for an `If` and a few small inputs.
 */
export function transferWithin(
  graph: GraphBuilder,
  config: ModelConfig,
  { firstLayer, endLayer }: { readonly firstLayer: number; readonly endLayer: number },
  { dims, cache }: { readonly dims: CacheDims; readonly cache: (name: string) => string },
): void {
  const layers = Array.from({ length: endLayer - firstLayer }, (_, index) => firstLayer + index);
  const width = dims[2] * dims[3];
  const queryWidth = config.headCount * config.headSize;
  const read = graph.input(transferInputs.read, "i64", ["n"]);
  const content = graph.input(transferInputs.content, "f16", [2 * layers.length, "m", width]);

  const moving = graph.branch();
  const caches = layers.flatMap((layer) => [cache(keyCache(layer)), cache(valueCache(layer))]);
  const blocks = caches.map((name) => moving.op("Gather", [name, read]));
  moving.output(graph.branchOutput(), moving.op("Concat", blocks, { axis: 0 }), "f16", [
    "N",
    ...dims.slice(1),
  ]);
  const part = (index: number) =>
    moving.op("Reshape", [
      moving.op("Gather", [content, moving.integers(index)]),
      moving.integers(-1, width),
    ]);
  let query = anyQuery(moving, config, part(0));
  for (const index of layers.keys()) {
    query = writeLayer(moving, config, query, {
      keys: part(2 * index),
      values: part(2 * index + 1),
      keyCache: caches[2 * index] as string,
      valueCache: caches[2 * index + 1] as string,
    });
  }
  const done = moving.op("Gather", [query, moving.integers(0)]);
  moving.output(graph.branchOutput(), done, "f16", [1, queryWidth]);

  const idle = graph.branch();
  const nothing = (name: string, shape: readonly number[]) =>
    idle.output(graph.branchOutput(), idle.halves(name, shape, new Uint16Array(0)), "f16", shape);
  nothing("nothing_read", [0, ...dims.slice(1)]);
  nothing("nothing_written", [0, queryWidth]);

  const outputs = graph.ops("If", 2, [graph.input(transferInputs.wanted, "bool", [])], {
    then_branch: moving.graph(),
    else_branch: idle.graph(),
  });
  graph.output(transferOutputs.content, outputs[0] as string, "f16", ["N", ...dims.slice(1)]);
  graph.output(transferOutputs.done, outputs[1] as string, "f16", ["D", queryWidth]);
}

interface WrittenLayer {
  /** `[m, kvHeadCount * headSize]` */
  readonly keys: string;
  readonly values: string;
  readonly keyCache: string;
  readonly valueCache: string;
}

/**
 * Nothing but PagedAttention writes a cache, so each block is a sequence that attends to its own tokens. What it makes
 * of them, `[m, headCount * headSize]`, has no meaning; as the next layer's query it keeps this one from being left out.
 */
function writeLayer(
  graph: GraphBuilder,
  { headCount, kvHeadCount }: ModelConfig,
  query: string,
  layer: WrittenLayer,
): string {
  const inputs = [
    ...[query, layer.keys, layer.values, layer.keyCache, layer.valueCache],
    graph.input(transferInputs.starts, "i32", ["n + 1"]),
    graph.input(transferInputs.pasts, "i32", ["n"]),
    graph.input(transferInputs.blockTable, "i32", ["n", 1]),
    ...["", "", "", "", "", "", "", ""],
    graph.input(transferInputs.longest, "i32", [2]),
  ];
  return graph.fused("PagedAttention", inputs, {
    num_heads: headCount,
    kv_num_heads: kvHeadCount,
    do_rotary: 0,
  });
}

function anyQuery(graph: GraphBuilder, { headCount, kvHeadCount }: ModelConfig, keys: string): string {
  return graph.op("Tile", [keys, graph.integers(1, headCount / kvHeadCount)]);
}
