import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { StagecoachError } from "../common/errors.js";
import type { LlamaReply, LlamaSetup } from "./llama-process.js";
import type { LoadRun } from "./load-runner.js";
import type { RequestTimes } from "./statistics.js";

/** llama.cpp in one process of its own, ready to run workloads beside ours. */
export interface LlamaYardstick {
  run(run: LoadRun): Promise<RequestTimes[]>;
  close(): Promise<void>;
}

/**
 * Starts the yardstick; it is killed when the signal aborts.
 * @throws StagecoachError FAILED_PRECONDITION when node-llama-cpp is not installed, as in images without
 * development packages, or is of another release than the one that llama-batches.ts knows.
 */
export async function startLlama(setup: LlamaSetup, signal: AbortSignal): Promise<LlamaYardstick> {
  try {
    import.meta.resolve("node-llama-cpp");
  } catch (cause) {
    throw new StagecoachError(
      "FAILED_PRECONDITION",
      "llama.cpp cannot be compared with: node-llama-cpp is not installed; run npm ci without --omit=dev",
      { cause },
    );
  }
  const child = fork(fileURLToPath(import.meta.resolve("./llama-process.js")), {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const kill = (): void => void child.kill("SIGKILL");
  signal.addEventListener("abort", kill, { once: true });
  if (signal.aborted) kill();
  await ask(child, setup);
  return {
    run: async (run) => {
      const reply = await ask(child, run);
      if (reply.kind === "times") return reply.times;
      throw new StagecoachError("INTERNAL", "llama.cpp's process answered without times");
    },
    close: async () => {
      signal.removeEventListener("abort", kill);
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, "exit");
      if (child.connected) child.disconnect();
      await exited;
    },
  };
}

async function ask(child: ChildProcess, message: LlamaSetup | LoadRun): Promise<LlamaReply> {
  const done = new AbortController();
  try {
    const answered = once(child, "message", { signal: done.signal });
    const exited = once(child, "exit", { signal: done.signal }).then(([code]) => {
      throw new StagecoachError(
        "UNAVAILABLE",
        `llama.cpp's process ended with code ${code}: see its lines above`,
      );
    });
    child.send(message);
    const [reply] = (await Promise.race([answered, exited])) as [LlamaReply];
    if (reply.kind === "error") throw new StagecoachError(reply.code, reply.message);
    return reply;
  } finally {
    done.abort();
  }
}
