import { dequantize } from "../encoding/dequantize.js";
import type { TensorInfo } from "../source/model-source.js";

/** A stored matrix `[rows, rowLength]` as it was read. */
export interface StoredMatrix {
  readonly info: TensorInfo;
  readonly bytes: Uint8Array;
}

/** Rows `[first, first + count)` of a stored matrix, f32 in memory of their own. */
export function readRows({ info, bytes }: StoredMatrix, first: number, count: number): Float32Array {
  const [rows, rowLength] = [info.shape[0] ?? 0, info.shape[1] ?? 0];
  const rowBytes = bytes.length / rows;
  const stored = bytes.subarray(first * rowBytes, (first + count) * rowBytes);
  return dequantize(info.encoding, stored, count * rowLength).slice();
}

/** First row and count of stretches that are small enough to hold as f32. */
export function* stretches(rows: number, rowLength: number): Generator<[first: number, count: number]> {
  const longest = Math.max(64, Math.floor(2 ** 22 / rowLength));
  for (let first = 0; first < rows; first += longest) yield [first, Math.min(longest, rows - first)];
}
