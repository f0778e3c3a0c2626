import type { Tensor } from "onnxruntime-node";

type Values = Float32Array | BigInt64Array | Int32Array;

/** Gives the rows of an output one after another. */
export function rowReader(output: Tensor | undefined, rows: number): () => Values {
  const data = (output?.data ?? new Float32Array(0)) as Values;
  const width = data.length / Math.max(1, rows);
  let next = 0;
  return () => data.subarray(next++ * width, next * width);
}
