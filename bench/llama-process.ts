/**
 * The yardstick's process: llama.cpp through node-llama-cpp's addon, all requests as sequences of one context and
 * batched as its server does it. Talks to llama-yardstick.ts over IPC.
 */
import { getLlama } from "node-llama-cpp";
import { type Code, StagecoachError } from "../common/errors.js";
import { BatchLoop } from "./batch-loop.js";
import { llamaBatches } from "./llama-batches.js";
import { generateLoad } from "./load-generator.js";
import type { LoadRun } from "./load-runner.js";
import type { RequestTimes } from "./statistics.js";

/** First message to the process; every further one is a LoadRun. */
export interface LlamaSetup {
  readonly modelPath: string;
  readonly threads: number;
  readonly sequences: number;
  readonly contextTokens: number;
}

/** Answers each message; nothing comes after an error. */
export type LlamaReply =
  | { readonly kind: "ready" }
  | { readonly kind: "times"; readonly times: RequestTimes[] }
  | { readonly kind: "error"; readonly code: Code; readonly message: string };

/** llama.cpp's physical batch, and its server's default. */
const batchTokens = 512;

async function main(): Promise<void> {
  const setup = await nextMessage<LlamaSetup>();
  const loop = await startLoop(setup);
  reply({ kind: "ready" });
  for (;;) {
    const { workload, concurrency } = await nextMessage<LoadRun>();
    const times = await generateLoad(workload, (request) => loop.generate(request), {
      concurrency,
      signal: new AbortController().signal,
    });
    reply({ kind: "times", times });
  }
}

async function startLoop({ modelPath, threads, sequences, contextTokens }: LlamaSetup): Promise<BatchLoop> {
  const llama = await getLlama({ gpu: false, build: "never", maxThreads: threads, progressLogs: false });
  const model = await llama.loadModel({ modelPath });
  const context = await model.createContext({
    sequences,
    contextSize: contextTokens,
    batchSize: Math.max(batchTokens, sequences),
    threads,
    flashAttention: true,
  });
  return new BatchLoop(llamaBatches({ llama, model, context }, sequences), { sequences, batchTokens });
}

function nextMessage<Message>(): Promise<Message> {
  return new Promise((resolve) => {
    process.once("message", (message) => resolve(message as Message));
  });
}

function reply(message: LlamaReply, onSent?: () => void): void {
  process.send?.(message, undefined, undefined, onSent);
}

process.once("disconnect", () => process.exit(0));
try {
  await main();
} catch (reason) {
  const { code, message } = StagecoachError.from(reason);
  reply({ kind: "error", code, message }, () => process.exit(1));
}
