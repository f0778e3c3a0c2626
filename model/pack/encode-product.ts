import type { TensorInfo } from "../source/model-source.js";
import { encodeHalfVector, encodeHalves } from "./encode-halves.js";
import { encodeBlocked, sameBlocks } from "./encode-product-blocked.js";
import { commonInputSize, encodeDense, encodeFloats } from "./encode-product-dense.js";
import { blocksOf } from "./encode-product-variant.js";
import type {
  EncodedProduct,
  EncodedTensor,
  EncodeOptions,
  PlainVariant,
  ProductPart,
} from "./encoded-product.js";

/**
 * Turns stored matrices into the layout of a blob; what `as-is` stores means exactly what the source does.
 * Parts are stacked along their outputs into one product `name` where their encodings allow it; otherwise
 * each becomes a product under its own name.
 *
 * @throws StagecoachError INVALID_ARGUMENT when parts disagree about their inputs, or for a value that the variant
 * cannot hold.
 */
export function encodeProduct(
  name: string,
  parts: readonly ProductPart[],
  variant: PlainVariant,
  options: EncodeOptions,
): EncodedProduct[] {
  const inputSize = commonInputSize(name, parts);
  if (variant === "f16") return [encodeHalves(name, parts, inputSize, options)];
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

/** A norm's gain or another vector, `[length]`: f16 in the variant of that name, otherwise f32. */
export function encodeVector(
  name: string,
  info: TensorInfo,
  bytes: Uint8Array,
  variant: PlainVariant,
): EncodedTensor {
  return variant === "f16" ? encodeHalfVector(name, info, bytes) : encodeFloats(name, info, bytes);
}
