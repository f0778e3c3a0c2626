import { InferenceSession, Tensor } from "onnxruntime-node";
import { StagecoachError } from "../../../common/errors.js";
import { GraphBuilder } from "../../../model/graph/graph-builder.js";

/**
 * Whether WebGPU computes in float16 here, by computing something.
 * @returns why not; undefined where it does
 */
export async function probeWebgpu(): Promise<string | undefined> {
  const graph = new GraphBuilder();
  const one = graph.input("one", "f16", [1]);
  graph.output("two", graph.op("Add", [one, one]), "f16", [1]);
  try {
    const session = await InferenceSession.create(graph.model(), {
      executionProviders: ["webgpu"],
      logSeverityLevel: 4,
    });
    const { two } = await session.run({ one: new Tensor("float16", Uint16Array.of(halfOne), [1]) });
    await session.release();
    return two?.data[0] === halfTwo ? undefined : "a GPU is here, but one and one are not two on it";
  } catch (reason) {
    return shortened(StagecoachError.from(reason).message);
  }
}

const halfOne = 0x3c00;
const halfTwo = 0x4000;

/** Without the place in ONNX Runtime's source that its errors begin with. */
function shortened(message: string): string {
  return message.replace(/^.* was false\. /s, "").trim();
}
