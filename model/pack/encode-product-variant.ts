import { isBlockEncoding } from "../encoding/block-formats.js";
import { quantizeBlocks } from "../encoding/quantize-blocks.js";
import { type BlockedWeights, toBlocks } from "../encoding/to-blocks.js";
import { dequantizePart, outputsOf } from "./encode-product-dense.js";
import type { EncodeOptions, PlainVariant, ProductPart } from "./encoded-product.js";

/**
 * A part as blocks of small integers, or undefined where the variant wants floats. A stored encoding that
 * already has the wanted width is kept; everything else is rounded once, from its exact values. Embedding and
 * head are never rounded below 8 bits: the logits suffer most.
 */
export function blocksOf(
  part: ProductPart,
  variant: PlainVariant,
  { embedding }: EncodeOptions,
): BlockedWeights | undefined {
  if (variant === "f32" || variant === "f16") return undefined;
  const { encoding } = part.info;
  const [rows, columns] = [outputsOf(part), part.info.shape[1] ?? 0];
  const stored = isBlockEncoding(encoding) ? toBlocks(encoding, part.bytes, rows, columns) : undefined;
  if (variant === "as-is") return stored;
  const wide = embedding || part.name === "head";
  const bits = wide ? 8 : 4;
  if (stored && (stored.bits === bits || wide)) return stored;
  if (embedding && columns % 32 !== 0) return undefined;
  return quantizeBlocks(dequantizePart(part), rows, columns, bits);
}
