import { createHash } from "node:crypto";
import {
  type ElementType,
  encodeOnnxModel,
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValue,
  type Shape,
} from "./onnx-writer.js";

/** ONNX Runtime's own operators. */
const microsoft = "com.microsoft";

type Attributes = Readonly<Record<string, OnnxAttribute>>;

/** Collects nodes and constants of a graph; values are known by their names. */
export class GraphBuilder {
  readonly #nodes: OnnxNode[] = [];
  readonly #tensors = new Map<string, OnnxTensor>();
  readonly #inputs = new Map<string, OnnxValue>();
  readonly #made = new Map<string, (asking: GraphBuilder) => string>();
  readonly #outputs: OnnxValue[] = [];
  readonly #parent: GraphBuilder | undefined;
  #serial = 0;
  #part = "";

  constructor(parent?: GraphBuilder) {
    this.#parent = parent;
  }

  /** Names the nodes that `build` adds after a part of the model, for profiles; within another part, after that. */
  within<Value>(part: string, build: () => Value): Value {
    if (this.#part !== "") return build();
    this.#part = part;
    const value = build();
    this.#part = "";
    return value;
  }

  /** Declares a graph input, unless it is made; saying it again changes nothing. */
  input(name: string, type: ElementType, shape: Shape): string {
    return this.#inputFor(this, name, type, shape);
  }

  /** Has a value within the graph take an input's place; `make` is called for every use, with the graph of that use. */
  makeInput(name: string, make: (asking: GraphBuilder) => string): void {
    this.#made.set(name, make);
  }

  /** Makes `value` an output called `name`. */
  output(name: string, value: string, type: ElementType, shape: Shape): void {
    this.#nodes.push({
      part: this.#partName(),
      operator: "Identity",
      domain: "",
      inputs: [value],
      outputs: [name],
      attributes: {},
    });
    this.#outputs.push({ name, type, shape });
  }

  /** A node of ONNX's own operators with one output. */
  op(operator: string, inputs: readonly string[], attributes: Attributes = {}): string {
    return this.#node("", operator, inputs, ["used"], attributes)[0] as string;
  }

  /** A node of ONNX's own operators with `count` outputs. */
  ops(operator: string, count: number, inputs: readonly string[], attributes: Attributes = {}): string[] {
    return this.#node("", operator, inputs, Array<"used">(count).fill("used"), attributes);
  }

  /** A node of ONNX Runtime's operators with one output. */
  fused(operator: string, inputs: readonly string[], attributes: Attributes = {}): string {
    return this.#node(microsoft, operator, inputs, ["used"], attributes)[0] as string;
  }

  /** A node of ONNX Runtime's operators; outputs that are `unused` are left out. */
  fusedOutputs(
    operator: string,
    inputs: readonly string[],
    outputs: readonly ("used" | "unused")[],
    attributes: Attributes = {},
  ): string[] {
    return this.#node(microsoft, operator, inputs, outputs, attributes);
  }

  /** Integers `[values.length]`, i64; equal ones are stored once. */
  integers(...values: number[]): string {
    return this.#inline("i64", [values.length], BigInt64Array.from(values, BigInt));
  }

  /** One f32 without dimensions; equal ones are stored once. */
  scalar(value: number): string {
    return this.#inline("f32", [], Float32Array.of(value));
  }

  /** One byte without dimensions, such as a zero point. */
  byte(type: "u8" | "i8", value: number): string {
    return this.#constant({ name: `${type}.${value}`, type, shape: [], data: Uint8Array.of(value) });
  }

  /** Floats `[rows, columns]`, stored in the model: for small ones. */
  matrix(rows: number, columns: number, values: Float32Array): string {
    return this.#inline("f32", [rows, columns], values);
  }

  /** Halves by their bits, stored in the model: for small ones; one name means one tensor. */
  halves(name: string, shape: readonly number[], bits: Uint16Array): string {
    const data = new Uint8Array(bits.buffer, bits.byteOffset, bits.byteLength);
    return this.#constant({ name, type: "f16", shape, data });
  }

  /** A constant in a file; one name means one tensor. */
  external(
    name: string,
    type: ElementType,
    shape: readonly number[],
    data: { file: string; offsetBytes: number; sizeBytes: number },
  ): string {
    return this.#constant({ name, type, shape, data });
  }

  /** A graph for a branch of `If`: it sees all values of this one and keeps its constants here. */
  branch(): GraphBuilder {
    return new GraphBuilder(this);
  }

  /** A name that no other value has, for the output of a branch. */
  branchOutput(): string {
    return this.#freshName();
  }

  /** The graph so far. */
  graph(): OnnxGraph {
    return {
      nodes: this.#nodes,
      tensors: [...this.#tensors.values()],
      inputs: [...this.#inputs.values()],
      outputs: this.#outputs,
    };
  }

  /** The graph as an ONNX model. */
  model(): Uint8Array {
    return encodeOnnxModel(this.graph());
  }

  #inputFor(asking: GraphBuilder, name: string, type: ElementType, shape: Shape): string {
    if (this.#parent) return this.#parent.#inputFor(asking, name, type, shape);
    const make = this.#made.get(name);
    if (make) return make(asking);
    if (!this.#inputs.has(name)) this.#inputs.set(name, { name, type, shape });
    return name;
  }

  #node(
    domain: string,
    operator: string,
    inputs: readonly string[],
    outputs: readonly ("used" | "unused")[],
    attributes: Attributes,
  ): string[] {
    const names = outputs.map((use) => (use === "used" ? this.#freshName() : ""));
    this.#nodes.push({ part: this.#partName(), operator, domain, inputs, outputs: names, attributes });
    return names;
  }

  #partName(): string {
    return this.#parent ? this.#parent.#partName() : this.#part;
  }

  #freshName(): string {
    if (this.#parent) return this.#parent.#freshName();
    return `v${this.#serial++}`;
  }

  #inline(type: ElementType, shape: number[], values: BigInt64Array | Float32Array): string {
    const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const hash = createHash("sha256").update(data).digest("hex").slice(0, 16);
    return this.#constant({ name: `${type}.${shape.join("x")}.${hash}`, type, shape, data });
  }

  #constant(tensor: OnnxTensor): string {
    if (this.#parent) return this.#parent.#constant(tensor);
    if (!this.#tensors.has(tensor.name)) this.#tensors.set(tensor.name, tensor);
    return tensor.name;
  }
}
