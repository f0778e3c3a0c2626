import { setMaxListeners } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { grpcSource } from "../grpc-source.js";
import type { BenchTarget } from "../load-runner.js";
import { seededRandom } from "../random.js";
import { makeTrace } from "../trace.js";
import type { WorkloadRequest } from "../workload.js";

/** How a mixed load is sent. */
export interface MixedLoadOptions {
  readonly durationMs: number;
  /** Requests in flight at most. */
  readonly concurrency: number;
  readonly meanPromptTokens: number;
  readonly meanOutputTokens: number;
  readonly maxTokens: number;
  readonly signal: AbortSignal;
}

/** What became of it. */
export interface MixedLoadCounts {
  finished: number;
  cancelled: number;
  tokens: number;
}

/** One request in so many is cancelled after some of its tokens. */
const cancelEvery = 8;
/** Before one request in so many its sender rests, at most so long: others then come in bursts. */
const restEvery = 6;
const longestRestMs = 1500;

/**
 * Requests of chat lengths for a while: senders rest now and then and so come in bursts, one request in eight is
 * cancelled on its way.
 */
export async function sendMixedLoad(
  target: BenchTarget,
  options: MixedLoadOptions,
): Promise<MixedLoadCounts> {
  // Every sender's request or pause listens.
  setMaxListeners(options.concurrency + 10, options.signal);
  const endsAtMs = performance.now() + options.durationMs;
  const counts: MixedLoadCounts = { finished: 0, cancelled: 0, tokens: 0 };
  const sendUntilEnd = async (sender: number): Promise<void> => {
    const random = seededRandom(sender);
    for (const request of requestsOf(sender, target, options)) {
      if (performance.now() >= endsAtMs || options.signal.aborted) return;
      if (Math.floor(random() * restEvery) === 0)
        await pause(random() * longestRestMs, undefined, { signal: options.signal });
      const stopAfter =
        Math.floor(random() * cancelEvery) === 0 ? Math.floor(random() * request.outputTokens) : undefined;
      await send(target, request, stopAfter, options.signal, counts);
    }
  };
  await Promise.all(Array.from({ length: options.concurrency }, (_, sender) => sendUntilEnd(sender)));
  return counts;
}

/** Without end, as many as the time allows. */
function* requestsOf(
  sender: number,
  { vocabularySize }: BenchTarget,
  options: MixedLoadOptions,
): Generator<WorkloadRequest> {
  for (let part = 0; ; part++) {
    yield* makeTrace({
      ...options,
      seed: 100_000 * part + sender,
      requests: 64,
      requestRate: 1,
      burstiness: 1,
      vocabularySize,
    });
  }
}

/** @param stopAfter tokens after which it is cancelled; absent: never */
async function send(
  { client }: BenchTarget,
  request: WorkloadRequest,
  stopAfter: number | undefined,
  signal: AbortSignal,
  counts: MixedLoadCounts,
): Promise<void> {
  let tokens = 0;
  if (stopAfter === 0) return await sendAndCancel(client, request, counts);
  // Leaving the loop cancels the call.
  for await (const _ of grpcSource(client)(request, signal)) {
    counts.tokens++;
    if (++tokens === stopAfter) break;
  }
  if (tokens === request.outputTokens) counts.finished++;
  else counts.cancelled++;
}

/** Cancelled before its first token. */
async function sendAndCancel(
  client: BenchTarget["client"],
  request: WorkloadRequest,
  counts: MixedLoadCounts,
): Promise<void> {
  const call = client.generate({ promptIds: { ids: [...request.promptIds] }, options: { ignoreEos: true } });
  const ended = new Promise<void>((resolve) => {
    call.on("error", () => resolve());
    call.on("end", () => resolve());
  });
  call.resume();
  setImmediate(() => call.cancel());
  await ended;
  counts.cancelled++;
}
