import { StagecoachError } from "../../common/errors.js";
import type { Encoding } from "../source/model-source.js";
import { type BlockFormat, blockFormats, emptyBlock, isBlockEncoding } from "./block-formats.js";
import { checkSize } from "./dequantize.js";
import type { UnpackedBlock } from "./unpacked-block.js";

/**
 * A matrix `[rows, columns]` as MatMulNBits reads it: `weight = scale · (q - zero) + offset`, where zero is
 * 8 for 4 bits and 128 for 8, and scale and offset belong to a block of a row.
 */
export interface BlockedWeights {
  readonly bits: 4 | 8;
  /** Weights of a row that share a scale. */
  readonly blockSize: 16 | 32;
  /** `[rows, ceil(columns / blockSize), blockSize · bits / 8]`; of two 4-bit weights the first is the low nibble. */
  readonly quants: Uint8Array;
  /** `[rows · ceil(columns / blockSize)]` */
  readonly scales: Float32Array;
  /** `[rows · ceil(columns / blockSize)]`; absent where all are zero by the encoding. */
  readonly offsets?: Float32Array;
}

/**
 * Re-encodes a stored matrix without rounding its levels again. Levels of encodings with minima are stored
 * around the middle of their range, and the offset takes up the difference: what is left for a product with
 * rounded activations is then as small as it can be, and so is its error. An offset is rounded to f32 once.
 * @throws StagecoachError INVALID_ARGUMENT for plain floats, or when bytes, rows and columns do not fit.
 */
export function toBlocks(
  encoding: Encoding,
  bytes: Uint8Array,
  rows: number,
  columns: number,
): BlockedWeights {
  if (!isBlockEncoding(encoding)) {
    throw new StagecoachError("INVALID_ARGUMENT", `${encoding} weights have no blocks: use quantizeBlocks`);
  }
  const format = blockFormats[encoding];
  checkRows(encoding, format, rows, columns);
  checkSize(encoding, bytes, rows * columns);
  return repack(format, bytes);
}

function repack(format: BlockFormat, bytes: Uint8Array): BlockedWeights {
  const { blockElements, blockBytes, groupSize, bits, centre, hasMinima } = format;
  const blockCount = bytes.length / blockBytes;
  const groups = blockElements / groupSize;
  const quants = new Uint8Array((blockCount * blockElements * bits) / 8);
  const scales = new Float32Array(blockCount * groups);
  const offsets = new Float32Array(hasMinima ? scales.length : 0);
  const block = emptyBlock(format);
  for (let i = 0; i < blockCount; i++) {
    format.unpack(bytes, i * blockBytes, block);
    scales.set(block.scales, i * groups);
    if (hasMinima) centreMinima(block, centre, offsets, i * groups);
    const to = (i * blockElements * bits) / 8;
    if (bits === 4) packNibbles(block.levels, 8 - centre, quants, to);
    else packBytes(block.levels, 128 - centre, quants, to);
  }
  return { bits, blockSize: groupSize, quants, scales, ...(hasMinima && { offsets }) };
}

function centreMinima(block: UnpackedBlock, centre: number, offsets: Float32Array, to: number): void {
  const { scales, minima } = block;
  for (let i = 0; i < scales.length; i++) {
    offsets[to + i] = (minima[i] as number) + centre * (scales[i] as number);
  }
}

function packNibbles(levels: Int8Array, shift: number, quants: Uint8Array, to: number): void {
  for (let i = 0; i < levels.length; i += 2) {
    quants[to + i / 2] = ((levels[i] as number) + shift) | (((levels[i + 1] as number) + shift) << 4);
  }
}

function packBytes(levels: Int8Array, shift: number, quants: Uint8Array, to: number): void {
  for (let i = 0; i < levels.length; i++) quants[to + i] = (levels[i] as number) + shift;
}

function checkRows(encoding: Encoding, { blockElements }: BlockFormat, rows: number, columns: number): void {
  if (Number.isSafeInteger(rows * columns) && rows > 0 && columns > 0 && columns % blockElements === 0)
    return;
  throw new StagecoachError(
    "INVALID_ARGUMENT",
    `a matrix of ${rows} rows and ${columns} columns is not ${encoding}, whose rows are multiples of ${blockElements}`,
  );
}
