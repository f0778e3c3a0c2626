import { type InferenceSession, Tensor } from "onnxruntime-node";
import { GraphBuilder } from "../../../model/graph/graph-builder.js";

const halfOne = 0x3c00;
const halfTwo = 0x4000;

/** A graph that adds one and one in float16: the least that a device computes when it computes at all. */
export function oneAndOneGraph(): Uint8Array {
  const graph = new GraphBuilder();
  const one = graph.input("one", "f16", [1]);
  graph.output("two", graph.op("Add", [one, one]), "f16", [1]);
  return graph.model();
}

/** Whether an open session of that graph gives two; releases it. */
export async function makesTwo(session: InferenceSession): Promise<boolean> {
  const { two } = await session.run({ one: new Tensor("float16", Uint16Array.of(halfOne), [1]) });
  await session.release();
  return two?.data[0] === halfTwo;
}
