import { codeNumber, StagecoachError } from "../../common/errors.js";
import { decodeClose, decodeForward, decodeOpen, forwardSlices } from "../../common/frame-codec.js";
import { encodeActivation } from "../../common/tensor.js";
import { encodeTokens, type SampledToken } from "../../common/token-codec.js";
import type { MessageParts } from "../../common/wire/encode-message.js";
import { readFrameBytes } from "../../common/wire/frame-bytes.js";
import type { Forward } from "../../proto/gen/stagecoach/v1/Forward.js";
import type { Frame, Frame__Output } from "../../proto/gen/stagecoach/v1/Frame.js";
import type { Output } from "../../proto/gen/stagecoach/v1/Output.js";
import type { LoopMessage } from "./engine-loop.js";
import type { EngineFailure, EngineFrame, EngineResult, FlowPlace } from "./engine-messages.js";
import { placeOfFrame } from "./frame-order.js";

/** What a flow stands between. */
export interface FlowPorts {
  /** Hands a frame to the engine, which gives one result for each, in their order. */
  readonly submit: (message: LoopMessage) => void;
  /** To the next stage; not called at the last one. */
  readonly sendNext: (frame: Frame) => void;
  /** To the coordinator. `counted` ones are awaited before the engine goes far ahead. */
  readonly sendOutput: (output: Output, counted: boolean) => void;
  /** To the first stage, which has been sent steps that go on from these. */
  readonly sendTokens: (output: Output) => void;
  /** Sequences cannot go on; the coordinator is told as well. */
  readonly onFailure: (failure: EngineFailure) => void;
  /** A result that goes nowhere, which counts as one that has left. */
  readonly nothingToSend: () => void;
  /** One more frame has passed. */
  readonly onTaken: () => void;
  /** The frames have ended and all have passed. */
  readonly onDrained: () => void;
}

/**
 * One epoch's frames on their way through a stage: bytes come in, pass through the engine in their order, and
 * leave as frames for the next stage or, from the last one, as outputs for the coordinator.
 *
 * A micro-batch that cannot be computed costs its own sequences only: a StageFailure with their ids goes to
 * the coordinator, and a Forward without slices goes on in the batch's place, so that every later stage still
 * sees each step and the last stage still answers it.
 */
export class StageFlow {
  readonly #place: FlowPlace;
  readonly #ports: FlowPorts;
  /** Frames at the engine. */
  readonly #pending: Frame__Output[] = [];
  #step = 0;
  #ended = false;

  constructor(place: FlowPlace, ports: FlowPorts) {
    this.#place = place;
    this.#ports = ports;
  }

  /** Frames that are with the engine. */
  get waiting(): number {
    return this.#pending.length;
  }

  /** The last step that was taken. */
  get step(): number {
    return this.#step;
  }

  /**
   * Takes a frame's bytes.
   * @throws StagecoachError when it is wrong: nothing after it could be computed rightly
   */
  accept([head, tail]: MessageParts, postedAtUs?: number): void {
    const frame = readFrameBytes(head, tail);
    if (placeOfFrame(frame, { epoch: this.#place.epoch, step: this.#step }) === "ghost") {
      this.#ports.onTaken();
      return;
    }
    const engineFrame = readFrame(frame);
    this.#step = frame.step;
    this.#pending.push(frame);
    this.#ports.submit({
      kind: "frame",
      frame: engineFrame,
      ...(postedAtUs !== undefined && { postedAtUs }),
    });
  }

  /** No more frames will come. */
  end(): void {
    this.#ended = true;
    if (this.#pending.length === 0) this.#ports.onDrained();
  }

  /** Sends a result where it belongs. */
  passOn(result: EngineResult): void {
    const frame = this.#pending.shift();
    if (frame === undefined) return;
    const { epoch, step, lane } = frame;
    if (result.failure !== undefined) this.#sendFailure(frame, result.failure);
    if (this.#place.nextAddress !== "") this.#ports.sendNext(resultFrame(frame, result));
    else if (frame.payload === "forward") {
      const tokens = result.output?.kind === "tokens" ? result.output.tokens : [];
      this.#ports.sendTokens({ epoch, step, lane, tokens: encodeTokens(tokens.map(idsOf)) });
      this.#ports.sendOutput({ epoch, step, lane, tokens: encodeTokens(tokens) }, true);
    } else this.#ports.nothingToSend();
    this.#ports.onTaken();
    if (this.#ended && this.#pending.length === 0) this.#ports.onDrained();
  }

  #sendFailure({ epoch, step, lane }: Frame__Output, failure: EngineFailure): void {
    const message = `stage ${this.#place.stageIndex}: ${failure.message}`;
    const told = { code: codeNumber(failure.code), message, sequenceIds: [...failure.sequenceIds] };
    this.#ports.onFailure(failure);
    this.#ports.sendOutput({ epoch, step, lane, failure: told }, false);
  }
}

function idsOf({ sequenceId, tokenId }: SampledToken): SampledToken {
  return { sequenceId, tokenId };
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
    hidden: encodeActivation(output, tokenCount),
    sentAtUs: doneAtUs,
  };
}
