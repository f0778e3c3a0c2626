import { on } from "node:events";
import { StagecoachError } from "../common/errors.js";
import { startThread } from "../common/start-thread.js";
import type { Manifest } from "../model/store/manifest.js";
import type { EnsureModelThreadData, FromEnsureModel } from "./ensure-model-thread.js";

/**
 * As `ensureModel`, in a thread of its own: workers that have joined are to be heard meanwhile.
 * @throws StagecoachError what getting the model ready fails with, or the signal's reason
 */
export async function ensureModelInThread(
  model: EnsureModelThreadData["model"],
  onProgress: (line: string) => void,
  signal: AbortSignal,
): Promise<Manifest> {
  const thread = startThread(import.meta.url, "ensure-model-thread", { model });
  try {
    for await (const [message] of on(thread, "message", { signal, close: ["exit"] })) {
      const said = message as FromEnsureModel;
      if (said.kind === "ready") return said.manifest;
      if (said.kind === "failed") throw new StagecoachError(said.code, said.message);
      onProgress(said.line);
    }
    throw new StagecoachError("INTERNAL", "the thread that gets the model ready ended before it was");
  } catch (reason) {
    signal.throwIfAborted();
    throw StagecoachError.from(reason);
  } finally {
    await thread.terminate();
  }
}
