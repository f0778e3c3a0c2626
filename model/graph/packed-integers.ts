import type { GraphBuilder } from "./graph-builder.js";
import { elementTypes } from "./onnx-writer.js";
import { graphInputs, packedInputs, packedOrder, pagedInputs } from "./stage-graph-io.js";

/** What of a stage says which integers its runs have. */
interface Range {
  readonly firstLayer: number;
  readonly endLayer: number;
  readonly embedding: boolean;
  readonly head: boolean;
}

/**
 * Makes the small inputs of a graph with KV in blocks of one tensor, for providers to which each tensor that is fed
 * costs a copy of its own. One Split cuts it, by sizes that it reads on the CPU, as Reshape does the table's shape: so
 * neither of them is copied to the device, and nothing is fetched from there. Rows that are weighed come as f64, which
 * only the CPU casts: they are copied in the branch that weighs them, and not where all are greedy.
 */
export function unpackIntegers(graph: GraphBuilder, range: Range): void {
  const names = packedOrder.filter((name) => isNeeded(name, range));
  const packed = graph.input(packedInputs.integers, "i32", ["I"]);
  const sizes = graph.input(packedInputs.sizes, "i64", [names.length]);
  const parts = graph.ops("Split", names.length, [packed, sizes], { axis: 0 });
  for (const [index, name] of names.entries()) {
    const part = parts[index] as string;
    const value = name === pagedInputs.blockTable ? shaped(graph, part) : part;
    graph.makeInput(name, () => value);
  }
  graph.makeInput(graphInputs.weighedRows, (asking) =>
    asking.op("Cast", [asking.input(packedInputs.weighedRows, "f64", ["W", 4])], { to: elementTypes.f32 }),
  );
}

function shaped(graph: GraphBuilder, table: string): string {
  return graph.op("Reshape", [table, graph.input(packedInputs.tableShape, "i64", [2])]);
}

function isNeeded(name: (typeof packedOrder)[number], range: Range): boolean {
  switch (name) {
    case graphInputs.tokens:
      return range.embedding;
    case pagedInputs.starts:
    case pagedInputs.pasts:
    case pagedInputs.blockTable:
      return range.endLayer > range.firstLayer;
    case graphInputs.sampleRows:
    case graphInputs.logitRows:
    case graphInputs.topRows:
      return range.head;
  }
}
