import { expect, test } from "vitest";
import { GraphBuilder } from "./graph-builder.js";
import type { OnnxGraph } from "./onnx-writer.js";
import { unpackIntegers } from "./packed-integers.js";
import { graphInputs, packedInputs, pagedInputs } from "./stage-graph-io.js";

const whole = { firstLayer: 0, endLayer: 2, embedding: true, head: true };

function unpacked(range: typeof whole): { graph: GraphBuilder; split: OnnxGraph["nodes"][number] } {
  const graph = new GraphBuilder();
  unpackIntegers(graph, range);
  const split = graph.graph().nodes.find(({ operator }) => operator === "Split");
  if (split === undefined) throw new Error("nothing is cut");
  return { graph, split };
}

test("inputs of a packed graph are cut out of one, in their order", () => {
  const { graph, split } = unpacked(whole);
  expect(split.inputs).toEqual([packedInputs.integers, packedInputs.sizes]);
  expect(graph.input(graphInputs.tokens, "i32", ["T"])).toBe(split.outputs[0]);
  expect(graph.input(pagedInputs.pasts, "i32", ["B"])).toBe(split.outputs[2]);
  expect(graph.input(graphInputs.topRows, "i64", ["K"])).toBe(split.outputs[6]);
  const table = graph.input(pagedInputs.blockTable, "i32", ["B", "N"]);
  const shaped = graph.graph().nodes.find(({ outputs }) => outputs.includes(table));
  expect(shaped).toMatchObject({ operator: "Reshape", inputs: [split.outputs[3], packedInputs.tableShape] });
  expect(graph.graph().inputs.map(({ name, shape }) => [name, shape])).toEqual([
    [packedInputs.integers, ["I"]],
    [packedInputs.sizes, [7]],
    [packedInputs.tableShape, [2]],
  ]);
  expect(graph.input(pagedInputs.longest, "i32", [2])).toBe(pagedInputs.longest);
});

test("a stage cuts out what it has", () => {
  const { graph, split } = unpacked({ ...whole, embedding: false, head: false });
  expect(split.outputs).toHaveLength(3);
  expect(graph.input(pagedInputs.starts, "i32", ["B + 1"])).toBe(split.outputs[0]);
  expect(unpacked({ ...whole, firstLayer: 2, embedding: false }).split.outputs).toHaveLength(3);
});

test("rows that are weighed are cast in the branch that asks for them", () => {
  const { graph } = unpacked(whole);
  const branch = graph.branch();
  const rows = branch.input(graphInputs.weighedRows, "f32", ["W", 4]);
  expect(branch.graph().nodes).toMatchObject([
    { operator: "Cast", inputs: [packedInputs.weighedRows], outputs: [rows] },
  ]);
  expect(graph.graph().nodes.some(({ operator }) => operator === "Cast")).toBe(false);
  expect(graph.graph().inputs.at(-1)).toMatchObject({ name: packedInputs.weighedRows, type: "f64" });
});
