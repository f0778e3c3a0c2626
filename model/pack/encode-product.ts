import { StagecoachError } from "../../common/errors.js";
import { float32ToFloat16 } from "../../common/half-float.js";
import type { TensorInfo } from "../source/model-source.js";
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

/** The first value that rounds up to infinity. */
const mostFloat16 = 65_520;

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
  variant: PlainVariant,
  options: EncodeOptions,
): EncodedProduct[] {
  const inputSize = commonInputSize(name, parts);
  const encoded = parts.map((part) => ({ part, blocks: blocksOf(part, variant, options) }));
  const blocked = encoded.flatMap(({ part, blocks }) => (blocks ? [{ part, blocks }] : []));
  if (blocked.length === 0) {
    const { product, tensors } = encodeDense(name, parts, inputSize, options);
    return [{ product, tensors: tensors.map((tensor) => narrowed(tensor, variant)) }];
  }
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
  return narrowed(encodeFloats(name, info, bytes), variant);
}

/** @throws StagecoachError INVALID_ARGUMENT for a value that f16 does not reach. */
function narrowed(tensor: EncodedTensor, variant: PlainVariant): EncodedTensor {
  if (variant !== "f16") return tensor;
  const { name, data } = tensor;
  const values = new Float32Array(data.buffer, data.byteOffset, data.byteLength / 4);
  const beyond = values.find((value) => !(Math.abs(value) < mostFloat16));
  if (beyond !== undefined) {
    throw new StagecoachError(
      "INVALID_ARGUMENT",
      `${name} has a weight of ${beyond}, which f16 cannot hold: take another variant, such as f32`,
    );
  }
  const halves = float32ToFloat16(values);
  return { ...tensor, dtype: "f16", data: new Uint8Array(halves.buffer, 0, halves.byteLength) };
}
