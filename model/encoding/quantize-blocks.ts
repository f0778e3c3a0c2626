import { StagecoachError } from "../../common/errors.js";
import type { BlockedWeights } from "./to-blocks.js";

const blockSize = 32;

/**
 * Rounds a matrix `[rows, columns]` f32 to the nearest levels of blocks of 32 along a row, symmetric around
 * zero. A last, shorter block is filled with zeros. With 8 bits the largest weight becomes ±127; with 4 bits
 * the weight farthest from zero becomes -8, so the scale has its sign turned, as ggml's Q4_0 does it: steps
 * are an eighth smaller than with ±7.
 * @throws StagecoachError INVALID_ARGUMENT when the sizes do not fit, DATA_LOSS when a weight is not finite.
 */
export function quantizeBlocks(
  values: Float32Array,
  rows: number,
  columns: number,
  bits: 4 | 8,
): BlockedWeights {
  if (!(rows > 0 && columns > 0 && values.length === rows * columns)) {
    throw new StagecoachError(
      "INVALID_ARGUMENT",
      `${values.length} weights are not a matrix of ${rows} rows and ${columns} columns`,
    );
  }
  const blocksPerRow = Math.ceil(columns / blockSize);
  const quants = new Uint8Array((rows * blocksPerRow * blockSize * bits) / 8);
  const scales = new Float32Array(rows * blocksPerRow);
  const write = bits === 4 ? writeNibbles : writeBytes;
  for (let row = 0, block = 0; row < rows; row++) {
    for (let column = 0; column < columns; column += blockSize, block++) {
      const start = row * columns + column;
      const end = row * columns + Math.min(columns, column + blockSize);
      const extreme = farthestFromZero(values, start, end);
      if (!Number.isFinite(extreme)) throw notFinite(row, column);
      const scale = Math.fround(bits === 4 ? extreme / -8 : Math.abs(extreme) / 127);
      scales[block] = scale;
      write(values, start, end, scale, quants, (block * blockSize * bits) / 8);
    }
  }
  return { bits, blockSize, quants, scales };
}

/** NaN when any of the values is NaN. */
function farthestFromZero(values: Float32Array, start: number, end: number): number {
  let extreme = 0;
  for (let i = start; i < end; i++) {
    const value = values[i] as number;
    if (Number.isNaN(value)) return value;
    if (Math.abs(value) > Math.abs(extreme)) extreme = value;
  }
  return extreme;
}

function writeBytes(
  values: Float32Array,
  start: number,
  end: number,
  scale: number,
  quants: Uint8Array,
  to: number,
): void {
  quants.fill(128, to, to + blockSize);
  if (scale === 0) return;
  for (let i = start; i < end; i++) quants[to + i - start] = Math.round((values[i] as number) / scale) + 128;
}

function writeNibbles(
  values: Float32Array,
  start: number,
  end: number,
  scale: number,
  quants: Uint8Array,
  to: number,
): void {
  quants.fill(0x88, to, to + blockSize / 2);
  if (scale === 0) return;
  for (let i = start; i < end; i++) {
    const level = Math.min(15, Math.max(0, Math.round((values[i] as number) / scale) + 8));
    const at = to + ((i - start) >> 1);
    const pair = quants[at] as number;
    quants[at] = (i - start) % 2 === 0 ? (pair & 0xf0) | level : (pair & 0x0f) | (level << 4);
  }
}

function notFinite(row: number, column: number): StagecoachError {
  return new StagecoachError(
    "DATA_LOSS",
    `a weight in row ${row}, columns ${column} to ${column + blockSize - 1} is not a finite number: the model file is damaged`,
  );
}
