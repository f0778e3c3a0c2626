import type { ActivationDtype } from "../../common/tensor.js";
import type { GraphBuilder } from "./graph-builder.js";
import { elementTypes } from "./onnx-writer.js";
import { graphInputs, graphOutputs } from "./stage-graph-io.js";

/** The greatest float16: beyond it lies infinity, which a residual stream must never become. */
const mostFloat16 = 65_504;

/**
 * The hidden states that come from the stage before, as f32: the graph converts, so that nobody on the way
 * touches them. ONNX Runtime's binding for Node has no bfloat16 tensors: those come and go as f32 and are
 * converted by the runner.
 */
export function hiddenInput(
  graph: GraphBuilder,
  hiddenSize: number,
  dtype: ActivationDtype = "FLOAT32",
): string {
  const shape = ["T", hiddenSize];
  switch (dtype) {
    case "FLOAT32":
    case "BFLOAT16":
      return graph.input(graphInputs.hidden, "f32", shape);
    case "FLOAT16":
      return graph.op("Cast", [graph.input(graphInputs.hidden, "f16", shape)], { to: elementTypes.f32 });
    case "INT8": {
      const bytes = graph.op("Cast", [graph.input(graphInputs.hidden, "i8", shape)], {
        to: elementTypes.f32,
      });
      return graph.op("Mul", [bytes, graph.input(graphInputs.hiddenScales, "f32", ["T", 1])]);
    }
  }
}

/** Makes f32 hidden states the graph's output in the form in which they travel; counterpart of `hiddenInput`. */
export function hiddenOutput(
  graph: GraphBuilder,
  value: string,
  hiddenSize: number,
  dtype: ActivationDtype = "FLOAT32",
): void {
  const shape = ["T", hiddenSize];
  switch (dtype) {
    case "FLOAT32":
    case "BFLOAT16":
      graph.output(graphOutputs.hidden, value, "f32", shape);
      return;
    case "FLOAT16": {
      const within = graph.op("Clip", [value, graph.scalar(-mostFloat16), graph.scalar(mostFloat16)]);
      graph.output(graphOutputs.hidden, graph.op("Cast", [within], { to: elementTypes.f16 }), "f16", shape);
      return;
    }
    case "INT8": {
      const { bytes, scales } = quantizedRows(graph, value);
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
