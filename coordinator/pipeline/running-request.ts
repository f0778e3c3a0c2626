import { AsyncQueue } from "../../common/async-queue.js";
import type { StagecoachError } from "../../common/errors.js";
import type { TokenEvent } from "../inference/types.js";

/** How a request ended, for whoever keeps account. */
export interface RequestEnd {
  readonly requestId: string;
  readonly outcome: "stop" | "length" | StagecoachError;
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** From arrival to its first micro-batch; absent when it was never scheduled. */
  readonly queuedMs: number | undefined;
  /** From arrival; absent when no token came. */
  readonly firstTokenMs: number | undefined;
  readonly durationMs: number;
}

/** A request that the pipeline works on: the way its tokens go, and its account. */
export class RunningRequest {
  readonly events: AsyncQueue<TokenEvent>;
  readonly #requestId: string;
  readonly #promptTokens: number;
  readonly #onEnd: ((end: RequestEnd) => void) | undefined;
  readonly #arrivedAtMs = performance.now();
  #queuedMs: number | undefined;
  #firstTokenMs: number | undefined;
  #completionTokens = 0;

  /** `onAbandoned` is called when nobody reads the events any more. */
  constructor(
    request: { requestId: string; promptIds: Uint32Array },
    onAbandoned: () => void,
    onEnd: ((end: RequestEnd) => void) | undefined,
  ) {
    this.#requestId = request.requestId;
    this.#promptTokens = request.promptIds.length;
    this.#onEnd = onEnd;
    this.events = new AsyncQueue<TokenEvent>(onAbandoned);
  }

  /** It is part of a micro-batch for the first time, or again after a preemption. */
  scheduled(): void {
    this.#queuedMs ??= performance.now() - this.#arrivedAtMs;
  }

  push(event: TokenEvent): void {
    if (event.tokenId !== undefined) {
      this.#firstTokenMs ??= performance.now() - this.#arrivedAtMs;
      this.#completionTokens++;
    }
    this.events.push(event);
    if (event.finished === undefined) return;
    this.events.end();
    this.#report(event.finished);
  }

  fail(error: StagecoachError): void {
    this.events.fail(error);
    this.#report(error);
  }

  #report(outcome: RequestEnd["outcome"]): void {
    this.#onEnd?.({
      requestId: this.#requestId,
      outcome,
      promptTokens: this.#promptTokens,
      completionTokens: this.#completionTokens,
      queuedMs: this.#queuedMs,
      firstTokenMs: this.#firstTokenMs,
      durationMs: performance.now() - this.#arrivedAtMs,
    });
  }
}
