import type { TensorInfo } from "../source/model-source.js";
import type { PackedProduct, Variant } from "../store/manifest.js";
import { encodeBlocked, sameBlocks } from "./encode-product-blocked.js";
import { commonInputSize, encodeDense, encodeFloats } from "./encode-product-dense.js";
import { blocksOf } from "./encode-product-variant.js";

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
  readonly dtype: "f32" | "u8";
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

/**
 * Turns stored matrices into the layout of a blob; what `as-is` stores means exactly what the source does.
 * Parts are stacked along their outputs into one product `name` where their encodings allow it; otherwise
 * each becomes a product under its own name.
 *
 * @throws StagecoachError INVALID_ARGUMENT when parts disagree about their inputs.
 */
export function encodeProduct(
  name: string,
  parts: readonly ProductPart[],
  variant: Variant,
  options: EncodeOptions,
): EncodedProduct[] {
  const inputSize = commonInputSize(name, parts);
  const encoded = parts.map((part) => ({ part, blocks: blocksOf(part, variant, options) }));
  const blocked = encoded.flatMap(({ part, blocks }) => (blocks ? [{ part, blocks }] : []));
  if (blocked.length === 0) return [encodeDense(name, parts, inputSize, options)];
  if (blocked.length === parts.length && sameBlocks(blocked))
    return [encodeBlocked(name, blocked, inputSize)];
  return encoded.map(({ part, blocks }) =>
    blocks
      ? encodeBlocked(part.name, [{ part, blocks }], inputSize)
      : encodeDense(part.name, [part], inputSize, options),
  );
}

/** A norm's gain or another vector, as f32 `[length]`. */
export function encodeVector(name: string, info: TensorInfo, bytes: Uint8Array): EncodedTensor {
  return encodeFloats(name, info, bytes);
}
