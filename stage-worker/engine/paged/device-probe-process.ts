import { InferenceSession } from "onnxruntime-node";
import { StagecoachError } from "../../../common/errors.js";
import { makesTwo, oneAndOneGraph } from "./one-and-one.js";

/** The process's only message. */
export interface DeviceProbeResult {
  /** Why the provider does not compute; absent where it does. */
  readonly problem?: string;
}

/** What is tried out; comes as JSON. */
export type ProbedProvider = "webgpu" | { readonly name: "cuda"; readonly deviceId: number };

/** One and one in float16. */
async function main(provider: ProbedProvider): Promise<DeviceProbeResult> {
  const session = await InferenceSession.create(oneAndOneGraph(), {
    executionProviders: [provider],
    logSeverityLevel: 4,
    // Otherwise the CPU would compute what the provider cannot.
    ...(provider !== "webgpu" && { extra: { session: { disable_cpu_ep_fallback: "1" } } }),
  });
  return (await makesTwo(session)) ? {} : { problem: "one and one are not two on it" };
}

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
