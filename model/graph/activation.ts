import type { ActivationDtype } from "../../common/tensor.js";
import type { GraphBuilder } from "./graph-builder.js";
import { elementTypes } from "./onnx-writer.js";
import { graphInputs, graphOutputs } from "./stage-graph-io.js";

/** The greatest float16: beyond it lies infinity, which a residual stream must never become. */
const mostFloat16 = 65_504;

/**
 * The hidden states that come from the stage before, as the graph computes (`floats`): the graph converts, so that nobody on the way
 * touches them. ONNX Runtime's binding for Node has no bfloat16 tensors: those come and go as f32 and are
 * converted by the runner.
 */
export function hiddenInput(
  graph: GraphBuilder,
  hiddenSize: number,
  floats: "f32" | "f16",
  dtype: ActivationDtype = "FLOAT32",
): string {
  const shape = ["T", hiddenSize];
  const input = (type: "f32" | "f16"): string => {
    const value = graph.input(graphInputs.hidden, type, shape);
    return type === floats ? value : graph.op("Cast", [value], { to: elementTypes[floats] });
  };
  switch (dtype) {
    case "FLOAT32":
    case "BFLOAT16":
      return input("f32");
    case "FLOAT16":
      return input("f16");
    case "INT8": {
      const bytes = graph.op("Cast", [graph.input(graphInputs.hidden, "i8", shape)], {
        to: elementTypes.f32,
      });
      const value = graph.op("Mul", [bytes, graph.input(graphInputs.hiddenScales, "f32", ["T", 1])]);
      return floats === "f32" ? value : graph.op("Cast", [value], { to: elementTypes.f16 });
    }
  }
}

/** Makes hidden states the graph's output in the form in which they travel; counterpart of `hiddenInput`. */
export function hiddenOutput(
  graph: GraphBuilder,
  value: string,
  hiddenSize: number,
  floats: "f32" | "f16",
  dtype: ActivationDtype = "FLOAT32",
): void {
  const shape = ["T", hiddenSize];
  const output = (from: string, type: "f32" | "f16", into: "f32" | "f16"): void => {
    const converted = type === into ? from : graph.op("Cast", [from], { to: elementTypes[into] });
    graph.output(graphOutputs.hidden, converted, into, shape);
  };
  switch (dtype) {
    case "FLOAT32":
    case "BFLOAT16":
      output(value, floats, "f32");
      return;
    case "FLOAT16": {
      const [least, most] = [graph.scalar(-mostFloat16), graph.scalar(mostFloat16)];
      const within = floats === "f16" ? value : graph.op("Clip", [value, least, most]);
      output(within, floats, "f16");
      return;
    }
    case "INT8": {
      const wide = floats === "f32" ? value : graph.op("Cast", [value], { to: elementTypes.f32 });
      const { bytes, scales } = quantizedRows(graph, wide);
      graph.output(graphOutputs.hidden, bytes, "i8", shape);
      graph.output(graphOutputs.hiddenScales, scales, "f32", ["T", 1]);
    }
  }
}

/** Every row by its greatest value: 127 stands for it. */
function quantizedRows(graph: GraphBuilder, value: string): { bytes: string; scales: string } {
  const greatest = graph.op("ReduceMax", [graph.op("Abs", [value]), graph.integers(1)], { keepdims: 1 });
  // A row of zeros has no greatest value to divide by.
  const scales = graph.op("Div", [graph.op("Max", [greatest, graph.scalar(1e-30)]), graph.scalar(127)]);
  const rounded = graph.op("Round", [graph.op("Div", [value, scales])]);
  return { bytes: graph.op("Cast", [rounded], { to: elementTypes.i8 }), scales };
}
