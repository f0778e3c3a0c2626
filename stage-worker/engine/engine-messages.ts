import { type Code, StagecoachError } from "../../common/errors.js";
import type { LinkTarget } from "../../common/wire/link-connection.js";
import type { RunnerSpec } from "./create-runner.js";
import { deviceLost, isDeviceLost } from "./device-failure.js";
import type { PortEnd } from "./port-link.js";
import type {
  RaggedBatch,
  SequenceClosing,
  SequenceOpening,
  StageInput,
  StageOutput,
} from "./stage-runner.js";

/** Frames that may be with the engine: the one it computes and two that wait. */
export const maxFramesAtEngine = 3;

/** A stage's place, as far as its engine needs it. */
export interface FlowPlace {
  readonly epoch: number;
  readonly stageIndex: number;
  /** host:port of the next stage; empty for the last one. */
  readonly nextAddress: string;
}

/** What the engine's thread is started with. */
export interface EngineThreadData {
  readonly spec: RunnerSpec;
  readonly place: FlowPlace;
  /** Where links may end here; absent where everything goes by gRPC. */
  readonly listen?: LinkListen;
  /** Memory of SharedStats, and of the counts of results that left and of frames that were taken. */
  readonly stats: SharedArrayBuffer;
  readonly departures: SharedArrayBuffer;
  readonly taken: SharedArrayBuffer;
}

/** Where links may end, and what they must begin with. */
export interface LinkListen {
  readonly host: string;
  /** Of the link that frames come by. */
  readonly framesToken: Uint8Array;
  /** Of the one that the coordinator gets outputs by; absent where this is not the last stage. */
  readonly outputsToken?: Uint8Array;
  /** Of the one that the first stage gets tokens by; absent where this is not the last of several. */
  readonly tokensToken?: Uint8Array;
}

/** A frame as the engine takes it. */
export type EngineFrame =
  | { kind: "open"; openings: readonly SequenceOpening[] }
  | {
      kind: "forward";
      batch: RaggedBatch;
      input: StageInput;
      /** When the sender's engine was done, microseconds since the Unix epoch; 0 when unknown. */
      sentAtUs: number;
    }
  | { kind: "close"; closings: readonly SequenceClosing[] };

/** The other end of a link to another stage: over TCP, or in this process. */
export type StageTarget = LinkTarget | { readonly here: PortEnd };

/** From the host to the engine. */
export type ToEngine =
  /** A Frame's bytes, which came by gRPC. */
  | { kind: "frame"; bytes: Uint8Array; postedAtUs: number }
  /** No more frames will come by gRPC. */
  | { kind: "end" }
  /** Results have left that the engine waits for. */
  | { kind: "departed" }
  /** How frames reach the next stage: over a link, or, without a target, by gRPC through the host. */
  | { kind: "way"; target?: StageTarget }
  /** Frames come from another engine of this process. */
  | { kind: "port"; end: PortEnd }
  /** Tokens come from the last stage; `tokensLinked` is the answer. */
  | { kind: "takeTokens"; target: StageTarget }
  /** Tokens go to the first stage, which is in this process. */
  | { kind: "giveTokens"; end: PortEnd }
  | { kind: "stop" };

/** From the engine to the host. */
export type FromEngine =
  /** `linkPort` is 0 where no link can end here. */
  | {
      kind: "ready";
      blockCount: number;
      weightBytes: number;
      beginsInsideBlocks: boolean;
      memoryUse?: string;
      linkPort: number;
    }
  /** The runner could not be made, or the engine itself broke. */
  | { kind: "broken"; failure: EngineFailure }
  | { kind: "stopped" }
  | EngineNews;

/** What a running engine tells. */
export type EngineNews =
  /** An Output's bytes for the coordinator, by gRPC; `counted` ones are reported back when they have left. */
  | { kind: "output"; bytes: Uint8Array; counted: boolean }
  /** Sequences cannot go on. The coordinator is told by an Output. */
  | { kind: "sequencesFailed"; failure: EngineFailure }
  /** A Frame's bytes for the next stage, by gRPC. */
  | { kind: "next"; bytes: Uint8Array }
  /** The first frame for the next stage is here: which way shall it go? */
  | { kind: "whichWay" }
  /** The link that frames come by is there. */
  | { kind: "linked" }
  /** Whether the link is there that the last stage's tokens come by. */
  | { kind: "tokensLinked"; linked: boolean }
  /** Frames have been taken that the host waits for. */
  | { kind: "taken" }
  /** The frames have ended and all have passed. */
  | { kind: "drained" }
  /** Nothing can be computed rightly any more. */
  | { kind: "failed"; failure: EngineFailure; step: number };

/** What became of one frame. */
export interface EngineResult {
  /** Absent for Open and Close, and when the batch failed. */
  readonly output?: StageOutput;
  /** The batch that was computed, where slices of broken sequences were left out of it. */
  readonly remaining?: RaggedBatch;
  readonly failure?: EngineFailure;
  /** When the engine was done, microseconds since the Unix epoch. */
  readonly doneAtUs: number;
}

/** An error in a form that crosses threads. */
export interface EngineFailure {
  readonly code: Code;
  readonly message: string;
  readonly sequenceIds: readonly number[];
  /** See `deviceLost`. */
  readonly deviceLost?: boolean;
}

export function failureOf(reason: unknown, sequenceIds: readonly number[] = []): EngineFailure {
  const { code, message } = StagecoachError.from(reason);
  return {
    code: code === "UNKNOWN" ? "INTERNAL" : code,
    message,
    sequenceIds,
    ...(isDeviceLost(reason) && { deviceLost: true }),
  };
}

/** The error again, on the other side. */
export function errorOf({ code, message, deviceLost: lost }: EngineFailure): StagecoachError {
  return lost ? deviceLost(message) : new StagecoachError(code, message);
}
