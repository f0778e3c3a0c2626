import { ProtobufWriter } from "./protobuf-writer.js";

/** Element types and their numbers in ONNX. */
export const elementTypes = { f32: 1, u8: 2, i8: 3, i32: 6, i64: 7, bool: 9, f16: 10, f64: 11 } as const;
export type ElementType = keyof typeof elementTypes;

/** Lengths by number, or by a name for those known only at run time. */
export type Shape = readonly (number | string)[];

/** A number is an integer attribute; floats say so. */
export type OnnxAttribute = number | readonly number[] | string | { readonly float: number } | OnnxGraph;

export interface OnnxNode {
  /** What it belongs to; the beginning of its name in profiles. */
  readonly part: string;
  readonly operator: string;
  /** Empty for ONNX's own operators. */
  readonly domain: string;
  /** Names; an empty one leaves out an optional input or output. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
}

export interface OnnxValue {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: Shape;
}

/** A constant whose elements are in the model, or in a file in or below the model's folder. */
export interface OnnxTensor {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly data:
    | Uint8Array
    | { readonly file: string; readonly offsetBytes: number; readonly sizeBytes: number };
}

export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly tensors: readonly OnnxTensor[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}

/** ONNX IR 10 with opset 21 and ONNX Runtime's own operators (`com.microsoft`, version 1). */
export function encodeOnnxModel(graph: OnnxGraph): Uint8Array {
  return new ProtobufWriter()
    .integer(1, 10)
    .string(2, "stagecoach")
    .message(7, (writer) => writeGraph(writer, graph))
    .message(8, (writer) => writer.string(1, "").integer(2, 21))
    .message(8, (writer) => writer.string(1, "com.microsoft").integer(2, 1))
    .finish();
}

function writeGraph(writer: ProtobufWriter, graph: OnnxGraph): void {
  graph.nodes.forEach((node, index) => {
    writer.message(1, (inner) => writeNode(inner, node, index));
  });
  writer.string(2, "stage");
  for (const tensor of graph.tensors) writer.message(5, (inner) => writeTensor(inner, tensor));
  for (const value of graph.inputs) writer.message(11, (inner) => writeValue(inner, value));
  for (const value of graph.outputs) writer.message(12, (inner) => writeValue(inner, value));
}

function writeNode(writer: ProtobufWriter, node: OnnxNode, index: number): void {
  for (const input of node.inputs) writer.string(1, input);
  for (const output of node.outputs) writer.string(2, output);
  const output = node.outputs.find((name) => name !== "") ?? index;
  writer.string(3, `${node.part}/${output}:${node.operator}`);
  writer.string(4, node.operator);
  for (const [name, attribute] of Object.entries(node.attributes)) {
    writer.message(5, (inner) => writeAttribute(inner.string(1, name), attribute));
  }
  writer.string(7, node.domain);
}

function writeAttribute(writer: ProtobufWriter, attribute: OnnxAttribute): void {
  if (typeof attribute === "number") writer.integer(3, attribute).integer(20, 2);
  else if (typeof attribute === "string") writer.string(4, attribute).integer(20, 3);
  else if ("float" in attribute) writer.float(2, attribute.float).integer(20, 1);
  else if ("nodes" in attribute) writer.message(6, (inner) => writeGraph(inner, attribute)).integer(20, 5);
  else {
    for (const value of attribute) writer.integer(8, value);
    writer.integer(20, 7);
  }
}

function writeTensor(writer: ProtobufWriter, { name, type, shape, data }: OnnxTensor): void {
  for (const length of shape) writer.integer(1, length);
  writer.integer(2, elementTypes[type]).string(8, name);
  if (data instanceof Uint8Array) {
    writer.bytes(9, data);
    return;
  }
  const entries = { location: data.file, offset: `${data.offsetBytes}`, length: `${data.sizeBytes}` };
  for (const [key, value] of Object.entries(entries)) {
    writer.message(13, (inner) => inner.string(1, key).string(2, value));
  }
  writer.integer(14, 1);
}

function writeValue(writer: ProtobufWriter, { name, type, shape }: OnnxValue): void {
  writer.string(1, name).message(2, (typeProto) =>
    typeProto.message(1, (tensorType) =>
      tensorType.integer(1, elementTypes[type]).message(2, (shapeProto) => {
        for (const length of shape) {
          shapeProto.message(1, (dimension) =>
            typeof length === "number" ? dimension.integer(1, length) : dimension.string(2, length),
          );
        }
      }),
    ),
  );
}
