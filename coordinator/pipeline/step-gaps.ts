/**
 * How long each micro-batch held up the bottleneck of a pipeline, by when it was written and when its answer came.
 * While micro-batches follow each other closely, that is the time from one's answer to the next's; one that had the
 * pipeline to itself passed all its stages in its time.
 */
export class StepGaps {
  readonly #laneCount: number;
  #lastAnswerMs = 0;

  constructor(laneCount: number) {
    this.#laneCount = laneCount;
  }

  /** Takes an answer; milliseconds that its micro-batch held up the bottleneck. */
  answered(writtenAtMs: number, nowMs: number): number {
    const followed = this.#lastAnswerMs > writtenAtMs;
    const ms = followed ? nowMs - this.#lastAnswerMs : (nowMs - writtenAtMs) / this.#laneCount;
    this.#lastAnswerMs = nowMs;
    return ms;
  }
}
