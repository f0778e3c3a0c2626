import { setMaxListeners } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { StagecoachError } from "../common/errors.js";
import type { RequestTimes } from "./statistics.js";
import type { WorkloadRequest } from "./workload.js";

/** Anything that generates: yields once a token. */
export type TokenSource = (request: WorkloadRequest, signal: AbortSignal) => AsyncIterable<unknown>;

/** How a workload is sent. */
export interface LoadOptions {
  /** Requests in flight at most. */
  readonly concurrency: number;
  readonly signal: AbortSignal;
  /** Hears after each finished request. */
  readonly onProgress?: (finished: number) => void;
}

/**
 * Sends a workload: each request at its arrival time, never more than `concurrency` at once.
 * @throws StagecoachError DATA_LOSS when a request gave another number of tokens than it was asked for.
 */
export async function generateLoad(
  workload: readonly WorkloadRequest[],
  source: TokenSource,
  options: LoadOptions,
): Promise<RequestTimes[]> {
  // Every request in flight listens.
  setMaxListeners(options.concurrency + 10, options.signal);
  const startedAt = performance.now();
  const results: RequestTimes[] = [];
  const waiting = workload.values();
  const sendAll = async (): Promise<void> => {
    // Senders share one iterator, so each request is sent once.
    for (const request of waiting) {
      const dueMs = request.arrivalMs - (performance.now() - startedAt);
      if (dueMs > 0) await pause(dueMs, undefined, { signal: options.signal });
      results.push(await send(request, source, startedAt, options.signal));
      options.onProgress?.(results.length);
    }
  };
  await Promise.all(Array.from({ length: Math.min(options.concurrency, workload.length) }, sendAll));
  return results;
}

async function send(
  request: WorkloadRequest,
  source: TokenSource,
  startedAt: number,
  signal: AbortSignal,
): Promise<RequestTimes> {
  const startMs = performance.now() - startedAt;
  const tokensMs: number[] = [];
  for await (const _ of source(request, signal)) tokensMs.push(performance.now() - startedAt);
  if (tokensMs.length !== request.outputTokens) {
    throw new StagecoachError(
      "DATA_LOSS",
      `a request for ${request.outputTokens} tokens gave ${tokensMs.length}: figures from such a run would be wrong`,
    );
  }
  return { startMs, tokensMs, promptTokens: request.promptIds.length };
}
