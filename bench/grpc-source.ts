import type { GenerateReply__Output } from "../proto/gen/stagecoach/v1/GenerateReply.js";
import type { InferenceClient } from "../proto/gen/stagecoach/v1/Inference.js";
import type { WorkloadRequest } from "./workload.js";

/** How tokens are chosen; all else is the model's own. */
export interface SourceSampling {
  /** 0 is greedy. */
  readonly temperature: number;
  readonly topP?: number;
}

/** Sends requests to a cluster's gRPC interface, greedy unless told otherwise, going on after end tokens, and yields token ids. */
export function grpcSource(
  client: InferenceClient,
  sampling: SourceSampling = { temperature: 0 },
): (request: WorkloadRequest, signal: AbortSignal) => AsyncGenerator<number> {
  return async function* (request, signal) {
    const call = client.generate({
      promptIds: { ids: [...request.promptIds] },
      options: { ...sampling, maxTokens: request.outputTokens, ignoreEos: true },
    });
    const cancel = (): void => call.cancel();
    signal.addEventListener("abort", cancel, { once: true });
    try {
      for await (const reply of call as AsyncIterable<GenerateReply__Output>) yield* reply.tokenIds;
    } finally {
      signal.removeEventListener("abort", cancel);
    }
  };
}
