import { type Code, StagecoachError } from "../../common/errors.js";
import type { RunnerSpec } from "./create-runner.js";
import type {
  RaggedBatch,
  SequenceClosing,
  SequenceOpening,
  StageInput,
  StageOutput,
} from "./stage-runner.js";

/** What the engine's thread is started with. */
export interface EngineThreadData {
  readonly spec: RunnerSpec;
  /** Memory of SharedStats and of Departures. */
  readonly stats: SharedArrayBuffer;
  readonly departures: SharedArrayBuffer;
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

/** From the host to the engine. */
export type ToEngine =
  | { kind: "frame"; frame: EngineFrame; postedAtUs: number }
  /** Results have left that the engine waits for. */
  | { kind: "departed" }
  | { kind: "stop" };

/** From the engine to the host. Results come in the order of the frames, one each. */
export type FromEngine =
  | { kind: "ready"; blockCount: number; weightBytes: number }
  /** The runner could not be made, or the engine itself broke. */
  | { kind: "broken"; failure: EngineFailure }
  | { kind: "result"; result: EngineResult }
  | { kind: "stopped" };

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
}

export function failureOf(reason: unknown, sequenceIds: readonly number[] = []): EngineFailure {
  const { code, message } = StagecoachError.from(reason);
  return { code: code === "UNKNOWN" ? "INTERNAL" : code, message, sequenceIds };
}
