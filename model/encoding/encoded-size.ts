import { StagecoachError } from "../../common/errors.js";
import type { Encoding } from "../source/model-source.js";
import { blockFormats, isBlockEncoding } from "./block-formats.js";

/** Weights that an encoding stores together; rows of a matrix are a multiple of it. */
export function blockElements(encoding: Encoding): number {
  return isBlockEncoding(encoding) ? blockFormats[encoding].blockElements : 1;
}

/**
 * Bytes that `elementCount` weights take in an encoding.
 * @throws StagecoachError INVALID_ARGUMENT when the count is not whole, or not a multiple of the block.
 */
export function encodedSizeBytes(encoding: Encoding, elementCount: number): number {
  const perBlock = blockElements(encoding);
  if (!Number.isSafeInteger(elementCount) || elementCount < 0 || elementCount % perBlock !== 0) {
    throw new StagecoachError(
      "INVALID_ARGUMENT",
      `${elementCount} elements cannot be stored as ${encoding}, which keeps them in blocks of ${perBlock}`,
    );
  }
  return (elementCount / perBlock) * blockBytes(encoding);
}

function blockBytes(encoding: Encoding): number {
  if (isBlockEncoding(encoding)) return blockFormats[encoding].blockBytes;
  return encoding === "F32" ? 4 : 2;
}
