import type { PackedProduct } from "../store/manifest.js";
import type { BlobTensors } from "./blob-tensors.js";
import type { GraphBuilder } from "./graph-builder.js";

type BlockedProduct = Extract<PackedProduct, { encoding: "blocked" }>;

/** Rows `[T, size]` that go into one or more products; what those share is computed once. */
export class ProductInput {
  readonly value: string;
  readonly #graph: GraphBuilder;
  readonly #size: number;
  readonly #blockSums = new Map<number, string>();

  constructor(graph: GraphBuilder, value: string, size: number) {
    this.#graph = graph;
    this.value = value;
    this.#size = size;
  }

  /** `[T, size / blockSize]`: the sum of each block of a row. */
  blockSums(blockSize: number): string {
    const known = this.#blockSums.get(blockSize);
    if (known) return known;
    const shape = this.#graph.integers(-1, this.#size / blockSize, blockSize);
    const blocks = this.#graph.op("Reshape", [this.value, shape]);
    const sums = this.#graph.op("ReduceSum", [blocks, this.#graph.integers(2)], { keepdims: 0 });
    this.#blockSums.set(blockSize, sums);
    return sums;
  }
}

/** `x · W + bias`: `[T, outputSize]`. */
export function product(
  graph: GraphBuilder,
  blob: BlobTensors,
  input: ProductInput,
  packed: PackedProduct,
): string {
  return packed.encoding === "blocked"
    ? blockedProduct(graph, blob, input, packed)
    : denseProduct(graph, blob, input, packed);
}

function denseProduct(
  graph: GraphBuilder,
  blob: BlobTensors,
  input: ProductInput,
  packed: Extract<PackedProduct, { encoding: "dense" }>,
): string {
  const inputs = [input.value, blob.tensor(packed.weight)];
  if (packed.bias) inputs.push(blob.tensor(packed.bias));
  if (packed.transposed || packed.bias) {
    return graph.op("Gemm", inputs, packed.transposed ? { transB: 1 } : {});
  }
  return graph.op("MatMul", inputs);
}

/**
 * MatMulNBits rounds the activations to 8 bits a block and multiplies integers (accuracy level 4, as
 * llama.cpp does). Block offsets are added as a small product of the blocks' sums: float zero points
 * would mean the same, and take ONNX Runtime off its fast path.
 */
function blockedProduct(
  graph: GraphBuilder,
  blob: BlobTensors,
  input: ProductInput,
  packed: BlockedProduct,
): string {
  const { bits, blockSize, inputSize, outputSize } = packed;
  const inputs = [input.value, blob.tensor(packed.quants), blob.tensor(packed.scales)];
  if (packed.bias) inputs.push("", "", blob.tensor(packed.bias));
  const y = graph.fused("MatMulNBits", inputs, {
    K: inputSize,
    N: outputSize,
    bits,
    block_size: blockSize,
    accuracy_level: 4,
  });
  if (!packed.offsets) return y;
  return graph.op("Gemm", [input.blockSums(blockSize), blob.tensor(packed.offsets), y]);
}
