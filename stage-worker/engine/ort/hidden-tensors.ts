import { Tensor } from "onnxruntime-node";
import { bfloat16ToFloat32, float32ToBfloat16 } from "../../../common/half-float.js";
import type { Activation, ActivationDtype } from "../../../common/tensor.js";
import { graphInputs, graphOutputs } from "../../../model/graph/stage-graph-io.js";

/** The graph's hidden inputs over the same memory; only BFLOAT16 is converted, which Node's binding lacks. */
export function hiddenFeeds(
  { dtype, data, scales }: Activation,
  rows: number,
  hiddenSize: number,
): Record<string, Tensor> {
  const shape = [rows, hiddenSize];
  switch (dtype) {
    case "FLOAT32":
      return { [graphInputs.hidden]: new Tensor("float32", data as Float32Array, shape) };
    case "FLOAT16":
      return { [graphInputs.hidden]: new Tensor("float16", data as Uint16Array, shape) };
    case "BFLOAT16":
      return { [graphInputs.hidden]: new Tensor("float32", bfloat16ToFloat32(data as Uint16Array), shape) };
    case "INT8":
      return {
        [graphInputs.hidden]: new Tensor("int8", data as Int8Array, shape),
        [graphInputs.hiddenScales]: new Tensor("float32", scales as Float32Array, [rows, 1]),
      };
  }
}

/** Names of the graph's outputs that `hiddenResult` reads. */
export function hiddenOutputs(dtype: ActivationDtype): string[] {
  return dtype === "INT8" ? [graphOutputs.hidden, graphOutputs.hiddenScales] : [graphOutputs.hidden];
}

/** A run's hidden states in the form in which they travel, over the memory of the graph's outputs. */
export function hiddenResult(outputs: Readonly<Record<string, Tensor>>, dtype: ActivationDtype): Activation {
  const data = outputs[graphOutputs.hidden]?.data;
  switch (dtype) {
    case "FLOAT32":
      return { dtype, data: data as Float32Array };
    case "FLOAT16":
      return { dtype, data: bitsOf(data as Uint16Array) };
    case "BFLOAT16":
      return { dtype, data: float32ToBfloat16(data as Float32Array) };
    case "INT8":
      return {
        dtype,
        data: data as Int8Array,
        scales: outputs[graphOutputs.hiddenScales]?.data as Float32Array,
      };
  }
}

/** Newer versions of Node give a Float16Array here. */
function bitsOf({ buffer, byteOffset, length }: Uint16Array): Uint16Array {
  return new Uint16Array(buffer, byteOffset, length);
}
