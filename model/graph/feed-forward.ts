import type { BlobTensors } from "./blob-tensors.js";
import type { GraphBuilder } from "./graph-builder.js";
import { ProductInput, product } from "./product.js";

/** `down(silu(gate(x)) * up(x))`: `[T, hiddenSize]`. */
export function feedForward(
  graph: GraphBuilder,
  blob: BlobTensors,
  input: ProductInput,
  feedForwardSize: number,
): string {
  const [gate, up] = gateAndUp(graph, blob, input, feedForwardSize);
  const activated = graph.within("activation", () =>
    graph.op("Mul", [graph.fused("QuickGelu", [gate], { alpha: { float: 1 } }), up]),
  );
  const inner = new ProductInput(graph, activated, feedForwardSize);
  return product(graph, blob, inner, blob.product("down"));
}

function gateAndUp(
  graph: GraphBuilder,
  blob: BlobTensors,
  input: ProductInput,
  size: number,
): [gate: string, up: string] {
  const fused = blob.findProduct("gate_up");
  if (!fused) {
    return [
      product(graph, blob, input, blob.product("gate")),
      product(graph, blob, input, blob.product("up")),
    ];
  }
  const both = product(graph, blob, input, fused);
  return graph.within("activation", () =>
    graph.ops("Split", 2, [both, graph.integers(size, size)], { axis: 1 }),
  ) as [string, string];
}
