import { availableParallelism } from "node:os";
import type { Worker } from "node:worker_threads";
import { StagecoachError } from "../../common/errors.js";
import type { Home } from "../../common/home.js";
import { startThread } from "../../common/start-thread.js";
import { expandedBytes } from "../../model/expand/weight-sizes.js";
import type { Blob } from "../../model/store/manifest.js";
import type { FromExpand, ToExpand } from "./expand-thread.js";

/** How the expansion is watched. */
export interface ExpandWatch {
  readonly signal: AbortSignal;
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
}

/** A blob takes one thread; each holds a product and some floats, so there are not many. */
const mostThreads = 8;

/**
 * Expands blobs of a home's store in threads of their own; in the order of their sources.
 * @throws StagecoachError what the first that failed did, or the signal's reason; the others have stopped then
 */
export async function runExpand(
  home: Home,
  blobs: readonly Blob[],
  { signal, onProgress }: ExpandWatch,
): Promise<Blob[]> {
  const expanded: Blob[] = [];
  const doneBytes = blobs.map(() => 0);
  const totalBytes = blobs.reduce((sum, blob) => sum + expandedBytes(blob), 0);
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  let next = 0;
  const work = async (): Promise<void> => {
    const thread = startThread(import.meta.url, "expand-thread", { home });
    const ended = new Promise((resolve) => thread.once("exit", resolve));
    const died = deathOf(thread);
    try {
      for (let index = next++; index < blobs.length; index = next++) {
        const made = expandIn(thread, blobs[index] as Blob, either, (bytes) => {
          doneBytes[index] = bytes;
          onProgress?.(
            doneBytes.reduce((sum, each) => sum + each, 0),
            totalBytes,
          );
        });
        expanded[index] = await Promise.race([made, died]);
      }
    } catch (reason) {
      stop.abort(reason);
      throw reason;
    } finally {
      // It takes away what it has begun before it ends.
      post(thread, { kind: "stop" });
      await ended;
    }
  };
  const threads = Math.min(blobs.length, mostThreads, availableParallelism());
  const outcomes = await Promise.allSettled(Array.from({ length: threads }, work));
  signal.throwIfAborted();
  const failed = outcomes.find(({ status }) => status === "rejected") as PromiseRejectedResult | undefined;
  if (failed !== undefined) throw stop.signal.reason;
  return expanded;
}

function expandIn(
  thread: Worker,
  blob: Blob,
  signal: AbortSignal,
  onBytes: (doneBytes: number) => void,
): Promise<Blob> {
  const settled = new AbortController();
  return new Promise<Blob>((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { signal: settled.signal });
    const heard = (message: FromExpand): void => {
      if (message.kind === "bytes") onBytes(message.doneBytes);
      else if (message.kind === "done") resolve(message.expanded);
      else reject(new StagecoachError(message.failure.code, message.failure.message));
    };
    thread.on("message", heard);
    settled.signal.addEventListener("abort", () => thread.off("message", heard));
    post(thread, { kind: "blob", blob });
  }).finally(() => settled.abort());
}

/** Rejects when the thread ends; nobody has to look. */
function deathOf(thread: Worker): Promise<never> {
  const death = new Promise<never>((_, reject) => {
    thread.once("error", (reason) => reject(StagecoachError.from(reason, "INTERNAL")));
    thread.once("exit", () =>
      reject(new StagecoachError("INTERNAL", "a thread that expands weights ended by itself")),
    );
  });
  death.catch(() => undefined);
  return death;
}

function post(thread: Worker, message: ToExpand): void {
  thread.postMessage(message);
}
