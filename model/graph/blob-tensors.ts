import { StagecoachError } from "../../common/errors.js";
import type { Blob, PackedProduct, PackedTensor } from "../store/manifest.js";
import type { GraphBuilder } from "./graph-builder.js";
import { elementTypes } from "./onnx-writer.js";

/** The tensors of one blob as constants of a graph. */
export class BlobTensors {
  readonly #graph: GraphBuilder;
  readonly #blob: Blob;
  readonly #prefix: string;
  readonly #floats: "f32" | "f16";

  /** @param floats what the graph computes with */
  constructor(graph: GraphBuilder, blob: Blob, floats: "f32" | "f16" = "f32") {
    this.#graph = graph;
    this.#blob = blob;
    this.#floats = floats;
    this.#prefix = blob.layer === undefined ? blob.role : `${blob.role}.${blob.layer}`;
  }

  /** Whether the graph computes in floats of 16 bits. */
  get computesHalves(): boolean {
    return this.#floats === "f16";
  }

  /**
   * A tensor by its name in the blob; `shape` shows the same bytes in another shape.
   * @throws StagecoachError DATA_LOSS when the blob has no such tensor.
   */
  tensor(name: string, shape?: readonly number[]): string {
    const tensor = this.#find(name);
    const suffix = shape ? `:${shape.join("x")}` : "";
    return this.#graph.external(`${this.#prefix}.${name}${suffix}`, tensor.dtype, shape ?? tensor.shape, {
      file: this.#blob.sha256,
      offsetBytes: tensor.offsetBytes,
      sizeBytes: tensor.sizeBytes,
    });
  }

  /**
   * As `tensor`, of floats, in the form in which the graph computes: ONNX Runtime converts a constant once, at load.
   * @throws StagecoachError DATA_LOSS when the blob has no such tensor.
   */
  floats(name: string, shape?: readonly number[]): string {
    return this.converted(this.tensor(name, shape), name);
  }

  /** What was read from a tensor, in the form in which the graph computes. */
  converted(value: string, name: string): string {
    if (this.elementType(name) === this.#floats) return value;
    return this.#graph.op("Cast", [value], { to: elementTypes[this.#floats] });
  }

  /** @throws StagecoachError DATA_LOSS when the blob has no such tensor. */
  elementType(name: string): PackedTensor["dtype"] {
    return this.#find(name).dtype;
  }

  /** A product, or undefined when the blob has none of that name. */
  findProduct(name: string): PackedProduct | undefined {
    return this.#blob.products.find((candidate) => candidate.name === name);
  }

  /** @throws StagecoachError DATA_LOSS when the blob has no such product. */
  product(name: string): PackedProduct {
    const product = this.findProduct(name);
    if (!product) throw this.#missing(`product ${name}`);
    return product;
  }

  /** The error for a blob with something that no packer writes. */
  unusable(what: string): StagecoachError {
    return this.#damaged(`has ${what}`);
  }

  #find(name: string): PackedTensor {
    const tensor = this.#blob.tensors.find((candidate) => candidate.name === name);
    if (!tensor) throw this.#missing(`tensor ${name}`);
    return tensor;
  }

  #missing(what: string): StagecoachError {
    return this.#damaged(`has no ${what}`);
  }

  #damaged(how: string): StagecoachError {
    return new StagecoachError(
      "DATA_LOSS",
      `blob ${this.#prefix} (${this.#blob.sha256}) ${how}: its manifest is damaged, pull the model again`,
    );
  }
}
