import { codeNumber, StagecoachError } from "../../common/errors.js";
import { decodeClose, decodeForward, decodeOpen, forwardSlices } from "../../common/frame-codec.js";
import type { Logger } from "../../common/log.js";
import { encodeTensor } from "../../common/tensor.js";
import { encodeTokens } from "../../common/token-codec.js";
import type { Forward } from "../../proto/gen/stagecoach/v1/Forward.js";
import type { Frame, Frame__Output } from "../../proto/gen/stagecoach/v1/Frame.js";
import type { RunnerSpec } from "../engine/create-runner.js";
import { EngineHost, maxFramesAtEngine } from "../engine/engine-host.js";
import type { EngineFrame, EngineResult } from "../engine/engine-messages.js";
import type { EngineStats } from "../engine/shared-stats.js";
import { placeOfFrame } from "./frame-order.js";
import { NextStage } from "./next-stage.js";
import { OutputChannel } from "./output-channel.js";

/** A stage's place in the pipeline of one epoch. */
export interface StagePlace {
  readonly epoch: number;
  readonly stageIndex: number;
  readonly stageCount: number;
  readonly firstLayer: number;
  readonly endLayer: number;
  /** host:port; empty for the last stage. */
  readonly nextAddress: string;
}

/** Where a stage's frames come from, as far as it is needed. */
export interface FrameSource {
  /** Asks for no more frames, or for more again. */
  pause(): void;
  resume(): void;
  /** Ends the caller's stream with an error. */
  refuse(reason: StagecoachError): void;
}

/** What a loaded stage works with. */
export interface LoadedStageOptions {
  readonly place: StagePlace;
  readonly spec: RunnerSpec;
  /** Hears once when the stage can no longer serve. */
  readonly onFailed: (reason: StagecoachError) => void;
  readonly log: Logger;
}

/**
 * One epoch's stage: frames come in, pass through the engine in their order, and leave for the next stage or,
 * from the last one, as outputs for the coordinator.
 *
 * A micro-batch that cannot be computed costs its own sequences only: a StageFailure with their ids goes to
 * the coordinator, and a Forward without slices goes on in the batch's place, so that every later stage still
 * sees each step and the last stage still answers it. Slices of those sequences that are under way already are
 * left out when they come. Anything else that breaks (a gap in the steps, a lost neighbour, the engine) fails
 * the stage: a StageFailure without ids.
 */
export class LoadedStage {
  readonly place: StagePlace;
  readonly outputs = new OutputChannel();
  readonly #options: LoadedStageOptions;
  readonly #next: NextStage | undefined;
  /** Frames at the engine; its results come in the same order. */
  readonly #pending: Frame__Output[] = [];
  #engine!: EngineHost;
  #source: FrameSource | undefined;
  #step = 0;
  #onDrained: (() => void) | undefined;
  #failure: StagecoachError | undefined;
  #lastStats: EngineStats | undefined;

  /**
   * Opens the engine.
   * @throws StagecoachError what the runner cannot be made for, or the signal's reason
   */
  static async open(options: LoadedStageOptions, signal: AbortSignal): Promise<LoadedStage> {
    const stage = new LoadedStage(options);
    const listeners = {
      onResult: (result: EngineResult) => stage.#passOn(result),
      onBroken: (reason: StagecoachError) => stage.fail(reason),
    };
    try {
      stage.#engine = await EngineHost.start(options.spec, listeners, signal);
      return stage;
    } catch (reason) {
      stage.#next?.close();
      throw reason;
    }
  }

  private constructor(options: LoadedStageOptions) {
    this.#options = options;
    this.place = options.place;
    const { nextAddress } = options.place;
    if (nextAddress !== "") this.#next = new NextStage(nextAddress, (reason) => this.fail(reason));
  }

  get blockCount(): number {
    return this.#engine.blockCount;
  }

  get weightBytes(): number {
    return this.#engine.weightBytes;
  }

  get stats(): EngineStats {
    return this.#lastStats ?? this.#engine.stats();
  }

  /**
   * Makes a stream the one that frames come from.
   * @throws StagecoachError FAILED_PRECONDITION when the epoch already has its stream, or the stage failed
   */
  attach(source: FrameSource): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#source !== undefined) {
      const message = `epoch ${this.place.epoch} already has its stream of frames: start a new epoch`;
      throw new StagecoachError("FAILED_PRECONDITION", message);
    }
    this.#source = source;
  }

  /** Takes a frame of this epoch from the attached stream. A frame that is wrong fails the stage. */
  accept(frame: Frame__Output): void {
    if (this.#failure !== undefined) return;
    try {
      if (placeOfFrame(frame, { epoch: this.place.epoch, step: this.#step }) === "ghost") return;
      const engineFrame = readFrame(frame);
      this.#step = frame.step;
      this.#pending.push(frame);
      this.#engine.submit(engineFrame);
    } catch (reason) {
      this.fail(StagecoachError.from(reason));
      return;
    }
    if (this.#pending.length >= maxFramesAtEngine) this.#source?.pause();
  }

  /** Resolves when every frame has passed; the next stage's stream has ended then. */
  async finish(): Promise<void> {
    if (this.#pending.length > 0 && this.#failure === undefined) {
      await new Promise<void>((resolve) => {
        this.#onDrained = resolve;
      });
    }
    if (this.#failure !== undefined) throw this.#failure;
    this.#next?.end();
  }

  /** Ends serving and tells the coordinator and the sender why. The first reason wins. */
  fail(reason: StagecoachError): void {
    if (this.#failure !== undefined) return;
    const { epoch, stageIndex } = this.place;
    this.#failure = new StagecoachError(reason.code, `stage ${stageIndex}: ${reason.message}`, {
      cause: reason,
    });
    this.#options.log.error({ epoch, err: this.#failure }, "the stage failed");
    this.outputs.send({ epoch, step: this.#step, failure: failureMessage(this.#failure) });
    this.#stop(this.#failure);
    this.#options.onFailed(this.#failure);
  }

  /** Ends without a failure, e.g. because a newer epoch takes over, and frees everything. */
  async close(reason: StagecoachError): Promise<void> {
    this.#failure ??= reason;
    this.outputs.end();
    this.#stop(reason);
    await this.#engine.close();
  }

  #stop(reason: StagecoachError): void {
    this.#source?.refuse(reason);
    this.#onDrained?.();
    this.#next?.close();
    if (this.#engine === undefined) return;
    this.#lastStats ??= this.#engine.stats();
    void this.#engine.close();
  }

  #passOn(result: EngineResult): void {
    const frame = this.#pending.shift();
    if (frame === undefined || this.#failure !== undefined) return;
    const { epoch, step, lane } = frame;
    const onSent = (): void => this.#engine.resultSent();
    if (result.failure !== undefined) {
      const { code, message, sequenceIds } = result.failure;
      const reason = new StagecoachError(code, `stage ${this.place.stageIndex}: ${message}`);
      this.#options.log.warn({ epoch, step, sequenceIds, err: reason }, "sequences failed");
      this.outputs.send({ epoch, step, lane, failure: failureMessage(reason, sequenceIds) });
    }
    if (this.#next !== undefined) this.#next.send(resultFrame(frame, result), onSent);
    else if (frame.payload === "forward") {
      const tokens = result.output?.kind === "tokens" ? result.output.tokens : [];
      this.outputs.send({ epoch, step, lane, tokens: encodeTokens(tokens) }, onSent);
    } else onSent();
    this.#source?.resume();
    if (this.#pending.length === 0) this.#onDrained?.();
  }
}

function readFrame(frame: Frame__Output): EngineFrame {
  if (frame.payload === "open" && frame.open) return { kind: "open", openings: decodeOpen(frame.open) };
  if (frame.payload === "close" && frame.close) {
    return { kind: "close", closings: decodeClose(frame.close) };
  }
  if (frame.payload === "forward" && frame.forward) {
    const { batch, input } = decodeForward(frame.forward, frame.lane);
    return { kind: "forward", batch, input, sentAtUs: frame.forward.sentAtUs };
  }
  throw new StagecoachError("INVALID_ARGUMENT", `frame of step ${frame.step} has no payload`);
}

/** The frame that the next stage gets: Open and Close as they came, Forward with this stage's result. */
function resultFrame(frame: Frame__Output, result: EngineResult): Frame {
  const { epoch, step, lane } = frame;
  if (frame.payload === "open") return { epoch, step, lane, open: frame.open ?? null };
  if (frame.payload === "close") return { epoch, step, lane, close: frame.close ?? null };
  return { epoch, step, lane, forward: resultForward(frame, result) };
}

function resultForward({ forward }: Frame__Output, { output, remaining, doneAtUs }: EngineResult): Forward {
  if (output?.kind !== "hidden" || !forward) return { sentAtUs: doneAtUs };
  const { tokenIds: _taken, hidden: _used, ...slices } = forward;
  const lengths = remaining?.lengths ?? forward.lengths;
  const tokenCount = lengths.reduce((sum, length) => sum + length, 0);
  return {
    ...(remaining === undefined ? slices : forwardSlices(remaining)),
    hidden: encodeTensor({ values: output.hidden, shape: [tokenCount, output.hidden.length / tokenCount] }),
    sentAtUs: doneAtUs,
  };
}

function failureMessage({ code, message }: StagecoachError, sequenceIds: readonly number[] = []) {
  return { code: codeNumber(code), message, sequenceIds: [...sequenceIds] };
}
