/**
 * The yardstick's process: llama.cpp through node-llama-cpp, all requests as sequences of one context, which is how
 * its server batches. Talks to llama-yardstick.ts over IPC.
 */
import { getLlama, type LlamaContextSequence } from "node-llama-cpp";
import { generateLoad } from "./load-generator.js";
import type { LoadRun } from "./load-runner.js";
import type { WorkloadRequest } from "./workload.js";

/** First message to the process; every further one is a LoadRun. */
export interface LlamaSetup {
  readonly modelPath: string;
  readonly threads: number;
  readonly sequences: number;
  readonly contextTokens: number;
}

async function main(): Promise<void> {
  const setup = await nextMessage<LlamaSetup>();
  const llama = await getLlama({
    gpu: false,
    build: "never",
    maxThreads: setup.threads,
    progressLogs: false,
  });
  const model = await llama.loadModel({ modelPath: setup.modelPath });
  const context = await model.createContext({
    sequences: setup.sequences,
    contextSize: setup.contextTokens,
    batchSize: 512,
    threads: setup.threads,
  });
  const idle = Array.from({ length: setup.sequences }, () => context.getSequence());
  process.send?.({ ready: true });
  for (;;) {
    const { workload, concurrency } = await nextMessage<LoadRun>();
    const times = await generateLoad(workload, (request) => evaluate(idle, request), {
      concurrency,
      signal: new AbortController().signal,
    });
    process.send?.({ times });
  }
}

async function* evaluate(idle: LlamaContextSequence[], request: WorkloadRequest): AsyncGenerator<unknown> {
  const sequence = idle.pop();
  if (sequence === undefined) throw new Error("more requests at once than sequences");
  try {
    await sequence.clearHistory();
    let left = request.outputTokens;
    const tokens = sequence.evaluate(
      [...request.promptIds] as Parameters<LlamaContextSequence["evaluate"]>[0],
      {
        temperature: 0,
        yieldEogToken: true,
      },
    );
    for await (const token of tokens) {
      yield token;
      if (--left === 0) return;
    }
  } finally {
    idle.push(sequence);
  }
}

function nextMessage<Message>(): Promise<Message> {
  return new Promise((resolve) => {
    process.once("message", (message) => resolve(message as Message));
  });
}

process.once("disconnect", () => process.exit(0));
await main();
