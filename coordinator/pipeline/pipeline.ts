import { codeFromNumber, StagecoachError } from "../../common/errors.js";
import { sampledToken } from "../../common/frame-codec.js";
import { decodeTokens } from "../../common/token-codec.js";
import type { Frame } from "../../proto/gen/stagecoach/v1/Frame.js";
import type { Output__Output } from "../../proto/gen/stagecoach/v1/Output.js";
import type { StageFailure__Output } from "../../proto/gen/stagecoach/v1/StageFailure.js";
import type { Tokens__Output } from "../../proto/gen/stagecoach/v1/Tokens.js";
import type { TokenEvent, TokenPort } from "../inference/types.js";
import type { Scheduler } from "../scheduler/scheduler.js";
import type { MicroBatch, SequenceRequest } from "../scheduler/types.js";
import { batchFrames } from "./batch-frames.js";
import { EndRate } from "./end-rate.js";
import { type RequestEnd, RunningRequest } from "./running-request.js";
import { StepGaps } from "./step-gaps.js";

/** Somebody who hears what a pipeline does; neither may throw. */
export interface PipelineObserver {
  /** A micro-batch came back. */
  onStep?(step: CompletedStep): void;
  onRequestEnd?(end: RequestEnd): void;
  /** So many micro-batches are under way now. */
  onInFlight?(count: number): void;
}

/** What a micro-batch came to. */
export interface CompletedStep {
  readonly promptTokens: number;
  readonly generatedTokens: number;
  /** It left before all tokens that it goes on from were known here. */
  readonly sentAhead: boolean;
}

/** What a pipeline is driven with. */
export interface PipelineOptions {
  readonly epoch: number;
  readonly laneCount: number;
  readonly maxContext: number;
  readonly scheduler: Scheduler;
  /** The way into the first stage. */
  readonly frames: { write(frame: Frame): unknown };
  /** Hears once when the pipeline can no longer serve; every request has failed by then. */
  readonly onBroken: (reason: StagecoachError) => void;
  readonly observers: readonly PipelineObserver[];
}

/**
 * Drives the stages of one epoch: keeps every lane filled with what the scheduler gives, turns what the last
 * stage samples into events for whoever asked. Stages answer each Forward with one Tokens, empty when nothing
 * was sampled, so a lane is free when its answer is here. At most one Forward a lane is under way, or two where the
 * scheduler sends ahead, which bounds what waits on the way.
 */
export class Pipeline implements TokenPort {
  readonly maxContext: number;
  readonly #options: PipelineOptions;
  readonly #scheduler: Scheduler;
  readonly #requests = new Map<string, RunningRequest>();
  readonly #inFlight = new Map<number, Flight>();
  /** Answers that lack a token whose stage's failure has not been heard of yet, and those behind them. */
  readonly #held = new Map<number, Tokens__Output>();
  readonly #endRate = new EndRate();
  readonly #stepGaps: StepGaps;
  #nextStep = 1;
  #broken: StagecoachError | undefined;
  #pumpQueued = false;

  constructor(options: PipelineOptions) {
    this.#options = options;
    this.#scheduler = options.scheduler;
    this.#stepGaps = new StepGaps(options.laneCount);
    this.maxContext = options.maxContext;
  }

  get ready(): boolean {
    return this.#broken === undefined;
  }

  submit(request: SequenceRequest, signal: AbortSignal): AsyncIterable<TokenEvent> {
    if (this.#broken !== undefined) throw this.#broken;
    signal.throwIfAborted();
    this.#queue(request);
    const { requestId } = request;
    const cancel = (): void =>
      this.#end(requestId, new StagecoachError("CANCELLED", "the request was cancelled"));
    const running = new RunningRequest(request, cancel, (end) => {
      signal.removeEventListener("abort", cancel);
      this.#endRate.ended(performance.now());
      for (const observer of this.#options.observers) observer.onRequestEnd?.(end);
    });
    this.#requests.set(requestId, running);
    signal.addEventListener("abort", cancel, { once: true });
    this.#queuePump();
    return running.events;
  }

  /** Whether a request is under way here. */
  serves(requestId: string): boolean {
    return this.#requests.has(requestId);
  }

  /** Takes what a stage of this epoch sent. */
  receive(output: Output__Output): void {
    if (output.epoch !== this.#options.epoch || this.#broken !== undefined) return;
    try {
      if (output.payload === "failure" && output.failure) this.#stageFailed(output.failure);
      if (output.payload === "tokens" && output.tokens) this.#stepDone(output.step, output.tokens);
    } catch (reason) {
      this.break(StagecoachError.from(reason));
    }
  }

  /** Ends everything with an error: a stage died, or the coordinator stops. The first reason wins. */
  break(reason: StagecoachError): void {
    if (this.#broken !== undefined) return;
    this.#broken = reason;
    for (const request of this.#requests.values()) request.fail(reason);
    this.#requests.clear();
    this.#tellInFlight(0);
    this.#options.onBroken(reason);
  }

  /** Refuses with the time after which trying again is worth it. */
  #queue(request: SequenceRequest): void {
    try {
      this.#scheduler.add(request);
    } catch (reason) {
      if (!(reason instanceof StagecoachError) || reason.code !== "RESOURCE_EXHAUSTED") throw reason;
      const retryAfterSeconds = this.#endRate.secondsFor(
        this.#scheduler.snapshot().waiting,
        performance.now(),
      );
      throw new StagecoachError(reason.code, reason.message, {
        cause: reason,
        details: { ...reason.details, retryAfterSeconds },
      });
    }
  }

  #pump(): void {
    if (this.#broken !== undefined) return;
    for (let sent = true; sent; ) {
      sent = false;
      for (let lane = 0; lane < this.#options.laneCount; lane++) sent = this.#step(lane) || sent;
    }
  }

  /** One micro-batch into the first stage; false when the scheduler has nothing for the lane. */
  #step(lane: number): boolean {
    const batch = this.#scheduler.next(lane);
    if (batch === undefined) return false;
    for (const { requestId } of batch.opened) this.#requests.get(requestId)?.scheduled();
    for (const payload of batchFrames(batch)) {
      if (payload.forward !== undefined) {
        this.#inFlight.set(this.#nextStep, { batch, writtenAtMs: performance.now() });
      }
      this.#options.frames.write({ epoch: this.#options.epoch, step: this.#nextStep++, lane, ...payload });
    }
    this.#tellInFlight(this.#inFlight.size);
    return true;
  }

  #stepDone(answered: number, message: Tokens__Output): void {
    const flight = this.#inFlight.get(answered);
    if (flight === undefined) {
      throw new StagecoachError(
        "INTERNAL",
        `the last stage answered step ${answered}, which is not in flight`,
      );
    }
    const { batch, writtenAtMs } = flight;
    const tokens = decodeTokens(message);
    if (this.#isBehindHeld(batch.lane, answered) || this.#lacksTokens(batch, tokens)) {
      // The failure comes on another stage's stream, so it may be behind the answer.
      this.#held.set(answered, message);
      return;
    }
    this.#inFlight.delete(answered);
    const tokenOf = new Map(tokens.map((token) => [this.#scheduler.requestOf(token.sequenceId), token]));
    const stepMs = this.#stepGaps.answered(writtenAtMs, performance.now());
    const outcomes = this.#scheduler.complete(batch, tokens, stepMs);
    // The stages go on before anybody is told.
    this.#pump();
    this.#tellInFlight(this.#inFlight.size);
    for (const { requestId, tokenId, finished, cachedTokens } of outcomes) {
      const { logprob, top } = tokenOf.get(requestId) ?? {};
      this.#requests.get(requestId)?.push({
        ...(tokenId !== undefined && { tokenId }),
        ...(logprob !== undefined && { logprob }),
        ...(top !== undefined && { top }),
        ...(finished !== undefined && { finished }),
        ...(cachedTokens !== undefined && { cachedTokens }),
      });
      if (finished !== undefined) this.#requests.delete(requestId);
    }
    const step = {
      promptTokens: promptTokensOf(batch),
      generatedTokens: outcomes.length,
      sentAhead: batch.slices.some(({ tokenIds }) => tokenIds[0] === sampledToken),
    };
    for (const observer of this.#options.observers) observer.onStep?.(step);
  }

  #stageFailed({ code, message, sequenceIds }: StageFailure__Output): void {
    const reason = new StagecoachError(codeFromNumber(code), message);
    if (sequenceIds.length === 0) throw reason;
    for (const sequenceId of sequenceIds) {
      const requestId = this.#scheduler.requestOf(sequenceId);
      this.#scheduler.fail(requestId);
      if (requestId !== undefined) this.#end(requestId, reason);
    }
    const held = [...this.#held];
    this.#held.clear();
    for (const [step, tokens] of held) this.#stepDone(step, tokens);
  }

  /** Micro-batches of a lane are completed in their order. */
  #isBehindHeld(lane: number, answered: number): boolean {
    for (const step of this.#held.keys()) {
      if (step < answered && this.#inFlight.get(step)?.batch.lane === lane) return true;
    }
    return false;
  }

  /** True when a sequence that still runs was to get a token and did not. */
  #lacksTokens(batch: MicroBatch, tokens: readonly { sequenceId: number }[]): boolean {
    const sampled = new Set(tokens.map(({ sequenceId }) => sequenceId));
    return batch.slices.some(
      ({ sequenceId, sample }) =>
        sample && !sampled.has(sequenceId) && this.#scheduler.requestOf(sequenceId) !== undefined,
    );
  }

  /** Ends one request early and frees what it holds at every stage. */
  #end(requestId: string, reason: StagecoachError): void {
    const request = this.#requests.get(requestId);
    if (request === undefined) return;
    this.#requests.delete(requestId);
    this.#scheduler.cancel(requestId);
    request.fail(reason);
    this.#queuePump();
  }

  #tellInFlight(count: number): void {
    for (const observer of this.#options.observers) observer.onInFlight?.(count);
  }

  /** Requests that arrive together are scheduled together. */
  #queuePump(): void {
    if (this.#pumpQueued) return;
    this.#pumpQueued = true;
    queueMicrotask(() => {
      this.#pumpQueued = false;
      this.#pump();
    });
  }
}

/** A micro-batch under way. */
interface Flight {
  readonly batch: MicroBatch;
  readonly writtenAtMs: number;
}

/** Decoding slices feed one token that was generated; all others feed prompt. */
function promptTokensOf(batch: MicroBatch): number {
  return batch.slices.reduce(
    (sum, { tokenIds, sample }) => sum + (sample && tokenIds.length === 1 ? 0 : tokenIds.length),
    0,
  );
}
