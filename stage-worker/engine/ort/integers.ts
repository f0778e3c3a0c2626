import { Tensor } from "onnxruntime-node";

/** A tensor of i64. */
export function integers(values: readonly number[], shape: readonly number[] = [values.length]): Tensor {
  return new Tensor("int64", BigInt64Array.from(values, BigInt), shape);
}
