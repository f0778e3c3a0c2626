import type { GraphBuilder } from "./graph-builder.js";

/**
 * Multiplies `value` `[..., size]` with the normalized Hadamard matrix of Sylvester's order, which is its own
 * inverse: it spreads what is large in few elements over all of them, so that rounding costs less
 * (QuaRot, https://arxiv.org/abs/2404.00456).
 */
export function hadamardTransform(graph: GraphBuilder, value: string, size: number): string {
  return graph.op("MatMul", [value, graph.matrix(size, size, hadamardMatrix(size))]);
}

/** `[size, size]`; size is a power of two. */
function hadamardMatrix(size: number): Float32Array {
  const matrix = new Float32Array(size * size);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      matrix[row * size + column] = (oddBits(row & column) ? -1 : 1) / Math.sqrt(size);
    }
  }
  return matrix;
}

function oddBits(value: number): boolean {
  let odd = false;
  for (let rest = value; rest !== 0; rest &= rest - 1) odd = !odd;
  return odd;
}
