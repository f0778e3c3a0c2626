import type { ModelConfig } from "../config.js";
import { GraphBuilder } from "./graph-builder.js";
import { elementTypes } from "./onnx-writer.js";
import { copyInputs, keyCache, valueCache } from "./stage-graph-io.js";

/** Layers whose caches are meant. */
interface Layers {
  readonly firstLayer: number;
  readonly endLayer: number;
}

/** Output of the block copy graph, of no meaning. */
export const copyDone = "done";

/** A graph of its own that copies whole blocks within the caches, which are its inputs. */
export function blockCopyGraph(
  config: ModelConfig,
  layers: Layers,
  { blockCount, blockSize }: { readonly blockCount: number; readonly blockSize: number },
): Uint8Array {
  const graph = new GraphBuilder();
  const shape = [blockCount, blockSize, config.kvHeadCount, config.headSize];
  const done = copyBlocks(graph, config, layers, (name) => graph.input(name, "f16", shape));
  graph.output(copyDone, done, "f16", [1, config.headCount * config.headSize]);
  return graph.model();
}

/**
 * `starts` i32 `[B + 1]` as they are, but known only once the copies that a run asks for are made: whoever reads the
 * caches after that needs them. A run that asks for none pays for a few empty inputs.
 */
export function startsAfterCopies(
  graph: GraphBuilder,
  config: ModelConfig,
  layers: Layers,
  cache: (name: string) => string,
  starts: string,
): string {
  const copying = graph.branch();
  const done = copyBlocks(copying, config, layers, cache);
  const place = copying.op("ArgMax", [done], { axis: 1, keepdims: 0 });
  const nothing = copying.op("Cast", [copying.op("Mul", [place, copying.integers(0)])], {
    to: elementTypes.i32,
  });
  copying.output(graph.branchOutput(), nothing, "i32", [1]);
  const idle = graph.branch();
  idle.output(
    graph.branchOutput(),
    idle.op("Cast", [idle.integers(0)], { to: elementTypes.i32 }),
    "i32",
    [1],
  );
  const zero = graph.op("If", [graph.input(copyInputs.wanted, "bool", [])], {
    then_branch: copying.graph(),
    else_branch: idle.graph(),
  });
  return graph.op("Add", [starts, zero]);
}

/**
 * Copies blocks within the caches of all layers. Nothing but PagedAttention writes a cache, so each copy is a sequence
 * that reads its keys and values out of another block; one layer's output is the next one's query, for a node whose
 * output nobody takes is not computed.
 * @returns `[1, headCount * headSize]`, of no meaning
 */
function copyBlocks(
  graph: GraphBuilder,
  { headCount, kvHeadCount, headSize }: ModelConfig,
  { firstLayer, endLayer }: Layers,
  cache: (name: string) => string,
): string {
  const from = graph.input(copyInputs.blocks, "i64", ["n"]);
  const tokens = (name: string): string =>
    graph.op("Reshape", [graph.op("Gather", [name, from]), graph.integers(-1, kvHeadCount * headSize)]);
  let query = "";
  for (let layer = firstLayer; layer < endLayer; layer++) {
    const [keys, values] = [cache(keyCache(layer)), cache(valueCache(layer))];
    const [newKeys, newValues] = [tokens(keys), tokens(values)];
    if (query === "") query = graph.op("Tile", [newKeys, graph.integers(1, headCount / kvHeadCount)]);
    const inputs = [
      ...[query, newKeys, newValues, keys, values],
      graph.input(copyInputs.starts, "i32", ["n + 1"]),
      graph.input(copyInputs.pasts, "i32", ["n"]),
      graph.input(copyInputs.table, "i32", ["n", 1]),
      ...["", "", "", "", "", "", "", ""],
      graph.input(copyInputs.longest, "i32", [2]),
    ];
    query = graph.fused("PagedAttention", inputs, {
      num_heads: headCount,
      kv_num_heads: kvHeadCount,
      do_rotary: 0,
    });
  }
  return graph.op("Gather", [query, graph.integers(0)]);
}
