import type { PackedProduct } from "../store/manifest.js";
import type { BlobTensors } from "./blob-tensors.js";
import type { GraphBuilder } from "./graph-builder.js";
import { hadamardTransform } from "./hadamard.js";
import { type QuantizedRows, quantizeRows } from "./quantize-rows.js";

type BlockedProduct = Extract<PackedProduct, { encoding: "blocked" }>;
type IntegerProduct = Extract<PackedProduct, { encoding: "w8a8" }>;

/** Rows `[T, size]` that go into one or more products; what those share is computed once. */
export class ProductInput {
  readonly value: string;
  readonly #graph: GraphBuilder;
  readonly #size: number;
  readonly #blockSums = new Map<number, string>();
  readonly #quantized = new Map<number, QuantizedRows>();

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

  /** Rounded row by row, after a Hadamard transform of each run of `hadamard` elements; 1 for none. */
  quantized(hadamard: number): QuantizedRows {
    const known = this.#quantized.get(hadamard);
    if (known) return known;
    const quantized = this.#graph.within("rounding", () =>
      quantizeRows(this.#graph, this.#transformed(hadamard)),
    );
    this.#quantized.set(hadamard, quantized);
    return quantized;
  }

  #transformed(hadamard: number): string {
    if (hadamard === 1) return this.value;
    const runs = this.#graph.op("Reshape", [this.value, this.#graph.integers(-1, hadamard)]);
    return this.#graph.op("Reshape", [
      hadamardTransform(this.#graph, runs, hadamard),
      this.#graph.integers(-1, this.#size),
    ]);
  }
}

/** `x · W + bias`: `[T, outputSize]`. */
export function product(
  graph: GraphBuilder,
  blob: BlobTensors,
  input: ProductInput,
  packed: PackedProduct,
): string {
  const { value, rowScales } = unscaledProduct(graph, blob, input, packed);
  if (rowScales === undefined) return value;
  return graph.within("rounding", () => graph.op("Mul", [value, rowScales]));
}

/** Queries, keys and values of a layer, side by side, also where they are stored apart. */
export function qkvProduct(graph: GraphBuilder, blob: BlobTensors, input: ProductInput): string {
  const fused = blob.findProduct("qkv");
  if (fused) return product(graph, blob, input, fused);
  const parts = ["q", "k", "v"].map((name) => product(graph, blob, input, blob.product(name)));
  return graph.op("Concat", parts, { axis: 1 });
}

/** A product `value * rowScales`, for when only the order within a row counts; scales f32 `[T, 1]` are positive. */
export interface UnscaledProduct {
  readonly value: string;
  readonly rowScales?: string;
}

/** As `product`, with the last step left to the caller where there is one. */
export function unscaledProduct(
  graph: GraphBuilder,
  blob: BlobTensors,
  input: ProductInput,
  packed: PackedProduct,
): UnscaledProduct {
  switch (packed.encoding) {
    case "dense":
      return { value: graph.within("products", () => denseProduct(graph, blob, input, packed)) };
    case "blocked":
      return { value: graph.within("products", () => blockedProduct(graph, blob, input, packed)) };
    case "w8a8":
      return integerProduct(graph, blob, input, packed);
  }
}

function denseProduct(
  graph: GraphBuilder,
  blob: BlobTensors,
  input: ProductInput,
  packed: Extract<PackedProduct, { encoding: "dense" }>,
): string {
  const inputs = [input.value, blob.floats(packed.weight)];
  if (packed.bias) inputs.push(blob.floats(packed.bias));
  if (packed.transposed || packed.bias) {
    return graph.op("Gemm", inputs, packed.transposed ? { transB: 1 } : {});
  }
  return graph.op("MatMul", inputs);
}

/**
 * MatMulNBits rounds the activations to 8 bits a block and multiplies integers (accuracy level 4, as
 * llama.cpp does); GPUs may multiply floats instead. Block offsets are added as a small product of the blocks' sums:
 * float zero points would mean the same, and take ONNX Runtime off its fast paths. So would a bias, with CUDA.
 */
function blockedProduct(
  graph: GraphBuilder,
  blob: BlobTensors,
  input: ProductInput,
  packed: BlockedProduct,
): string {
  const { bits, blockSize, inputSize, outputSize } = packed;
  const inputs = [input.value, blob.tensor(packed.quants), blob.floats(packed.scales)];
  const biasApart = packed.bias !== undefined && blob.computesHalves;
  if (packed.bias && !biasApart) inputs.push("", "", blob.floats(packed.bias));
  let y = graph.fused("MatMulNBits", inputs, {
    K: inputSize,
    N: outputSize,
    bits,
    block_size: blockSize,
    accuracy_level: 4,
  });
  if (packed.offsets) y = graph.op("Gemm", [input.blockSums(blockSize), blob.floats(packed.offsets), y]);
  return packed.bias && biasApart ? graph.op("Add", [y, blob.floats(packed.bias)]) : y;
}

/** Integers by integers; the rows' peaks come in at the end, for no operator takes a scale for each row. */
function integerProduct(
  graph: GraphBuilder,
  blob: BlobTensors,
  input: ProductInput,
  { weight, scales, bias, hadamard }: IntegerProduct,
): UnscaledProduct {
  const { levels, step, zero, peaks } = input.quantized(hadamard ?? 1);
  const inputs = [levels, blob.tensor(weight), step, blob.tensor(scales), zero];
  const value = graph.within("products", () => graph.fused("MatMulIntegerToFloat", inputs));
  if (!bias) return { value, rowScales: peaks };
  return { value: graph.op("Add", [graph.op("Mul", [value, peaks]), blob.tensor(bias)]) };
}
