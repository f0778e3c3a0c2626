import type { ClientWritableStream } from "@grpc/grpc-js";
import { AsyncQueue } from "../../common/async-queue.js";
import { codeFromNumber, StagecoachError } from "../../common/errors.js";
import type { Frame } from "../../proto/gen/stagecoach/v1/Frame.js";
import type { Output__Output } from "../../proto/gen/stagecoach/v1/Output.js";
import type { StageFailure__Output } from "../../proto/gen/stagecoach/v1/StageFailure.js";
import type { Tokens__Output } from "../../proto/gen/stagecoach/v1/Tokens.js";
import type { TokenEvent, TokenPort } from "../inference/types.js";
import type { Scheduler } from "../scheduler/scheduler.js";
import type { MicroBatch, SequenceRequest } from "../scheduler/types.js";
import { batchFrames } from "./batch-frames.js";
import { tokenEvents } from "./token-events.js";

/** What a pipeline is driven with. */
export interface PipelineOptions {
  readonly epoch: number;
  readonly laneCount: number;
  readonly maxContext: number;
  readonly scheduler: Scheduler;
  /** The stream into the first stage. */
  readonly frames: Pick<ClientWritableStream<Frame>, "write">;
  /** Hears once when the pipeline can no longer serve; every request has failed by then. */
  readonly onBroken: (reason: StagecoachError) => void;
  readonly onStep?: (tokens: { prompt: number; generated: number }) => void;
}

/**
 * Drives the stages of one epoch: keeps every lane filled with what the scheduler gives, turns what the last
 * stage samples into events for whoever asked. Stages answer each Forward with one Tokens, empty when nothing
 * was sampled, so a lane is free when its answer is here.
 */
export class Pipeline implements TokenPort {
  readonly maxContext: number;
  readonly #options: PipelineOptions;
  readonly #scheduler: Scheduler;
  readonly #channels = new Map<string, AsyncQueue<TokenEvent>>();
  readonly #inFlight = new Map<number, MicroBatch>();
  readonly #busyLanes = new Set<number>();
  /** Which request a sequence on the stages belongs to. */
  readonly #requestOf = new Map<number, string>();
  #nextStep = 1;
  #broken: StagecoachError | undefined;
  #pumpQueued = false;

  constructor(options: PipelineOptions) {
    this.#options = options;
    this.#scheduler = options.scheduler;
    this.maxContext = options.maxContext;
  }

  get ready(): boolean {
    return this.#broken === undefined;
  }

  submit(request: SequenceRequest, signal: AbortSignal): AsyncIterable<TokenEvent> {
    if (this.#broken !== undefined) throw this.#broken;
    signal.throwIfAborted();
    this.#scheduler.add(request);
    const cancel = (): void =>
      this.#cancel(request.requestId, new StagecoachError("CANCELLED", "the request was cancelled"));
    const channel = new AsyncQueue<TokenEvent>(cancel);
    this.#channels.set(request.requestId, channel);
    signal.addEventListener("abort", cancel, { once: true });
    this.#queuePump();
    return channel;
  }

  /** Takes what a stage of this epoch sent. */
  receive(output: Output__Output): void {
    if (output.epoch !== this.#options.epoch || this.#broken !== undefined) return;
    if (output.payload === "failure" && output.failure) this.#stageFailed(output.failure);
    if (output.payload === "tokens" && output.tokens) this.#stepDone(output.step, output.tokens);
  }

  /** Ends everything with an error: a stage died, or the coordinator stops. The first reason wins. */
  break(reason: StagecoachError): void {
    if (this.#broken !== undefined) return;
    this.#broken = reason;
    for (const channel of this.#channels.values()) channel.fail(reason);
    this.#channels.clear();
    this.#options.onBroken(reason);
  }

  /** One micro-batch into the first stage; false when the scheduler has nothing for the lane. */
  #step(lane: number): boolean {
    const batch = this.#scheduler.next(lane);
    if (batch === undefined) return false;
    for (const sequence of batch.opened) this.#requestOf.set(sequence.sequenceId, sequence.requestId);
    for (const sequenceId of batch.closed) this.#requestOf.delete(sequenceId);
    for (const payload of batchFrames(batch)) {
      if (payload.forward !== undefined) {
        this.#inFlight.set(this.#nextStep, batch);
        this.#busyLanes.add(lane);
      }
      this.#options.frames.write({ epoch: this.#options.epoch, step: this.#nextStep++, lane, ...payload });
    }
    return true;
  }

  #stepDone(step: number, tokens: Tokens__Output): void {
    const batch = this.#inFlight.get(step);
    if (batch === undefined) {
      this.break(
        new StagecoachError("INTERNAL", `the last stage answered step ${step}, which is not in flight`),
      );
      return;
    }
    this.#inFlight.delete(step);
    this.#busyLanes.delete(batch.lane);
    const events = tokenEvents(tokens);
    const outcomes = this.#scheduler.complete(batch, events);
    this.#pump();
    const byRequest = new Map(events.map((event) => [this.#requestOf.get(event.sequenceId), event]));
    for (const { requestId, tokenId, finished } of outcomes) {
      const { logprob, top } = byRequest.get(requestId) ?? {};
      const channel = this.#channels.get(requestId);
      channel?.push({
        ...(tokenId !== undefined && { tokenId }),
        ...(logprob !== undefined && { logprob }),
        ...(top !== undefined && { top }),
        ...(finished !== undefined && { finished }),
      });
      if (finished !== undefined) {
        this.#channels.delete(requestId);
        channel?.end();
      }
    }
    const prompt = batch.slices.reduce(
      (sum, slice) => sum + (slice.tokenIds.length > 1 || !slice.sample ? slice.tokenIds.length : 0),
      0,
    );
    this.#options.onStep?.({
      prompt,
      generated: outcomes.filter((outcome) => outcome.tokenId !== undefined).length,
    });
  }

  #stageFailed({ code, message, sequenceIds }: StageFailure__Output): void {
    const reason = new StagecoachError(codeFromNumber(code), message);
    if (sequenceIds.length === 0) {
      this.break(reason);
      return;
    }
    for (const sequenceId of sequenceIds) {
      const requestId = this.#requestOf.get(sequenceId);
      if (requestId !== undefined) this.#cancel(requestId, reason);
    }
  }

  #cancel(requestId: string, reason: StagecoachError): void {
    const channel = this.#channels.get(requestId);
    if (channel === undefined) return;
    this.#channels.delete(requestId);
    this.#scheduler.cancel(requestId);
    channel.fail(reason);
    this.#queuePump();
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

  #pump(): void {
    if (this.#broken !== undefined) return;
    for (let lane = 0; lane < this.#options.laneCount; lane++) {
      while (!this.#busyLanes.has(lane) && this.#step(lane));
    }
  }
}
