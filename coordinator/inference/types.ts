import type { SequenceRequest } from "../scheduler/types.js";

/** One token as the pipeline reports it to whoever asked. */
export interface TokenEvent {
  /** Absent when the sequence ended on a stop token, which is not part of the output. */
  readonly tokenId?: number;
  readonly logprob?: number;
  readonly top?: readonly { tokenId: number; logprob: number }[];
  readonly finished?: "stop" | "length";
  /** With the first event: prompt tokens taken from the prefix cache, where there were any. */
  readonly cachedTokens?: number;
}

/** The pipeline as the gateway sees it. */
export interface TokenPort {
  readonly maxContext: number;
  /** False while workers join, are measured or load; then submitting fails with UNAVAILABLE. */
  readonly ready: boolean;
  /**
   * Queues a request and streams its tokens. Ending the iteration early, or aborting the signal, frees
   * everything the request holds at every stage.
   * @throws StagecoachError RESOURCE_EXHAUSTED when the queue is full, UNAVAILABLE when no pipeline serves,
   * INVALID_ARGUMENT when prompt and output exceed the context; while iterating, whatever ended the pipeline.
   */
  submit(request: SequenceRequest, signal: AbortSignal): AsyncIterable<TokenEvent>;
}
