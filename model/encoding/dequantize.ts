import { StagecoachError } from "../../common/errors.js";
import { float16ToFloat32 } from "../../common/half-float.js";
import type { Encoding } from "../source/model-source.js";
import { type BlockFormat, blockFormats, emptyBlock, isBlockEncoding } from "./block-formats.js";
import { encodedSizeBytes } from "./encoded-size.js";

/**
 * The weights that stored bytes mean, `[elementCount]` f32; each is the nearest f32 to scale · level + minimum.
 * F32 input at a multiple of four bytes is returned as a view, not copied.
 * @throws StagecoachError INVALID_ARGUMENT when the bytes are not what `elementCount` weights take.
 */
export function dequantize(encoding: Encoding, bytes: Uint8Array, elementCount: number): Float32Array {
  checkSize(encoding, bytes, elementCount);
  if (isBlockEncoding(encoding)) return dequantizeBlocks(blockFormats[encoding], bytes, elementCount);
  if (encoding === "F32") return viewFloats(bytes);
  return encoding === "F16" ? widenHalves(bytes, elementCount) : widenBrainFloats(bytes, elementCount);
}

/**
 * Refuses bytes of another length than the weights take.
 * @throws StagecoachError INVALID_ARGUMENT
 */
export function checkSize(encoding: Encoding, bytes: Uint8Array, elementCount: number): void {
  const expected = encodedSizeBytes(encoding, elementCount);
  if (bytes.length === expected) return;
  throw new StagecoachError(
    "INVALID_ARGUMENT",
    `${elementCount} ${encoding} elements take ${expected} bytes, but ${bytes.length} bytes were given`,
  );
}

function dequantizeBlocks(format: BlockFormat, bytes: Uint8Array, elementCount: number): Float32Array {
  const weights = new Float32Array(elementCount);
  const block = emptyBlock(format);
  const { levels, scales, minima } = block;
  const { blockElements, blockBytes, groupSize } = format;
  for (let start = 0, offset = 0; start < elementCount; start += blockElements, offset += blockBytes) {
    format.unpack(bytes, offset, block);
    for (let first = 0, group = 0; first < blockElements; first += groupSize, group++) {
      const scale = scales[group] as number;
      const minimum = minima[group] as number;
      for (let i = first; i < first + groupSize; i++) {
        weights[start + i] = scale * (levels[i] as number) + minimum;
      }
    }
  }
  return weights;
}

function viewFloats(bytes: Uint8Array): Float32Array {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Float32Array(aligned.buffer, aligned.byteOffset, aligned.length / 4);
}

function widenHalves(bytes: Uint8Array, elementCount: number): Float32Array {
  const { buffer, byteOffset } = bytes.byteOffset % 2 === 0 ? bytes : bytes.slice();
  return float16ToFloat32(new Uint16Array(buffer, byteOffset, elementCount));
}

/** A brain float is the upper half of an f32. */
function widenBrainFloats(bytes: Uint8Array, elementCount: number): Float32Array {
  const bits = new Uint32Array(elementCount);
  for (let i = 0; i < elementCount; i++) {
    bits[i] = ((bytes[2 * i] as number) << 16) | ((bytes[2 * i + 1] as number) << 24);
  }
  return new Float32Array(bits.buffer);
}
