import type { TensorInfo } from "../source/model-source.js";
import type { PackedProduct, PackedTensor, Variant } from "../store/manifest.js";

/** Variants whose products are encoded one by one, from the stored weights alone. */
export type PlainVariant = Exclude<Variant, "int8">;

/** A stored matrix `[outputs, inputs]` that becomes a product or a part of one, and its bias `[outputs]`. */
export interface ProductPart {
  readonly name: string;
  readonly info: TensorInfo;
  /** `info.sizeBytes` of them, as the source stores them. */
  readonly bytes: Uint8Array;
  readonly bias?: Float32Array;
}

/** A tensor as it goes into a blob: row major, little-endian. */
export interface EncodedTensor {
  readonly name: string;
  readonly dtype: PackedTensor["dtype"];
  readonly shape: number[];
  readonly data: Uint8Array;
}

/** A product and the tensors that it names. */
export interface EncodedProduct {
  readonly product: PackedProduct;
  readonly tensors: EncodedTensor[];
}

/** How a product will be used. */
export interface EncodeOptions {
  /** The rows are also looked up by token id, so a dense weight stays `[N, K]`. */
  readonly embedding: boolean;
}
