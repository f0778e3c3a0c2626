import { v1 } from "../../common/proto.js";
import { decodeTokens, encodeTokens } from "../../common/token-codec.js";
import { batchFrames } from "../../coordinator/pipeline/batch-frames.js";
import type { Scheduler } from "../../coordinator/scheduler/scheduler.js";
import type { MicroBatch, Outcome, SequenceRequest, TokenResult } from "../../coordinator/scheduler/types.js";
import type { Output, Output__Output } from "../../proto/gen/stagecoach/v1/Output.js";

/** Processor time of the coordinator's parts, milliseconds. */
export interface WorkTimes {
  /** Adding requests, making micro-batches, taking tokens back. */
  scheduling: number;
  /** Making frames of micro-batches and serializing them. */
  frames: number;
  /** Parsing what the last stage answers. */
  tokens: number;
}

/**
 * A coordinator's hot path without its sockets: the real scheduler, the frames as bytes, the answers from bytes.
 * Keeps account of the time that each part takes; this process does nothing else meanwhile, so it is processor time.
 */
export class CoordinatorWork {
  readonly times: WorkTimes = { scheduling: 0, frames: 0, tokens: 0 };
  /** Serialized frames so far. */
  frameBytes = 0;
  readonly #scheduler: Scheduler;
  #step = 0;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  add(request: SequenceRequest): void {
    this.#timed("scheduling", () => this.#scheduler.add(request));
  }

  /** The lane's next micro-batch, whose frames are made and counted; undefined when there is none. */
  next(lane: number): MicroBatch | undefined {
    const batch = this.#timed("scheduling", () => this.#scheduler.next(lane));
    if (batch === undefined) return undefined;
    this.#timed("frames", () => {
      for (const payload of batchFrames(batch)) {
        const frame = { epoch: 1, step: ++this.#step, lane, ...payload };
        this.frameBytes += v1.Stage.service.Frames.requestSerialize(frame).byteLength;
      }
    });
    return batch;
  }

  /**
   * Takes back what the last stage answers to a micro-batch; making that answer is the stage's work.
   * @param stepMs how long it held up the pipeline, in virtual time
   */
  complete(batch: MicroBatch, tokens: readonly TokenResult[], stepMs?: number): Outcome[] {
    const answer: Output = { epoch: 1, step: 1, lane: batch.lane, tokens: encodeTokens(tokens) };
    const bytes = v1.Stage.service.Outputs.responseSerialize(answer);
    const sampled = this.#timed("tokens", () => {
      const output: Output__Output = v1.Stage.service.Outputs.responseDeserialize(bytes);
      return output.tokens ? decodeTokens(output.tokens) : [];
    });
    return this.#timed("scheduling", () => this.#scheduler.complete(batch, sampled, stepMs));
  }

  #timed<Result>(part: keyof WorkTimes, body: () => Result): Result {
    const startedMs = performance.now();
    const result = body();
    this.times[part] += performance.now() - startedMs;
    return result;
  }
}

/** All of it, milliseconds. */
export function totalWorkMs({ scheduling, frames, tokens }: WorkTimes): number {
  return scheduling + frames + tokens;
}
