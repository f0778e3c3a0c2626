import { InferenceSession, Tensor } from "onnxruntime-node";
import { StagecoachError } from "../../../common/errors.js";
import { GraphBuilder } from "../../../model/graph/graph-builder.js";

/** The process's only message. */
export interface DeviceProbeResult {
  /** Why the provider does not compute; absent where it does. */
  readonly problem?: string;
}

/** What is tried out; comes as JSON. */
export type ProbedProvider = "webgpu" | { readonly name: "cuda"; readonly deviceId: number };

/** One and one in float16. */
async function main(provider: ProbedProvider): Promise<DeviceProbeResult> {
  const graph = new GraphBuilder();
  const one = graph.input("one", "f16", [1]);
  graph.output("two", graph.op("Add", [one, one]), "f16", [1]);
  const session = await InferenceSession.create(graph.model(), {
    executionProviders: [provider],
    logSeverityLevel: 4,
    // Otherwise the CPU would compute what the provider cannot.
    ...(provider !== "webgpu" && { extra: { session: { disable_cpu_ep_fallback: "1" } } }),
  });
  const { two } = await session.run({ one: new Tensor("float16", Uint16Array.of(halfOne), [1]) });
  await session.release();
  return two?.data[0] === halfTwo ? {} : { problem: "one and one are not two on it" };
}

const halfOne = 0x3c00;
const halfTwo = 0x4000;

/** Without the place in ONNX Runtime's source that its errors begin with. */
function failure(reason: unknown): DeviceProbeResult {
  return {
    problem: StagecoachError.from(reason)
      .message.replace(/^.* was false\. /s, "")
      .trim(),
  };
}

void main(JSON.parse(process.argv[2] ?? "") as ProbedProvider)
  .catch(failure)
  .then((result) => process.send?.(result, () => process.disconnect()));
