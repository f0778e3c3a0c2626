/**
 * Writes rows `[rows, rowLength]` transposed into columns `firstColumn…` of `target` `[rowLength, columns]`, in
 * tiles for the cache.
 */
export function writeColumns<Values extends Float32Array | Uint16Array>(
  target: Values,
  columns: number,
  firstColumn: number,
  values: Values,
  rowLength: number,
): void {
  const rows = values.length / rowLength;
  const tile = 32;
  for (let rowStart = 0; rowStart < rows; rowStart += tile) {
    const rowEnd = Math.min(rows, rowStart + tile);
    for (let start = 0; start < rowLength; start += tile) {
      const end = Math.min(rowLength, start + tile);
      for (let i = start; i < end; i++) {
        const base = i * columns + firstColumn;
        for (let row = rowStart; row < rowEnd; row++) {
          target[base + row] = values[row * rowLength + i] as number;
        }
      }
    }
  }
}
