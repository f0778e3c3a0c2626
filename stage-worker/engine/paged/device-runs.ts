import type { InferenceSession, Tensor } from "onnxruntime-node";
import { StagecoachError } from "../../../common/errors.js";
import { noRoomFor } from "../compute-in-parts.js";
import { deviceFailureOf, deviceLost } from "../device-failure.js";
import type { RaggedBatch } from "../stage-runner.js";

/** So many runs in a row that fail, each for a reason that nobody knows, and the next would fail as well. */
const mostFailures = 3;

/** Runs of a session on a device, whose errors get their meaning here. */
export class DeviceRuns {
  readonly #session: Pick<InferenceSession, "run">;
  readonly #device: string;
  #failures = 0;

  /** `device`: its name, for errors. */
  constructor(session: Pick<InferenceSession, "run">, device: string) {
    this.#session = session;
    this.#device = device;
  }

  /**
   * @throws StagecoachError RESOURCE_EXHAUSTED when memory does not hold the run, what `deviceLost` makes when the
   * device, or the third run in a row, failed, otherwise INTERNAL
   */
  async run(
    feeds: Readonly<Record<string, Tensor>>,
    wanted: readonly string[],
    batch: RaggedBatch,
  ): Promise<Record<string, Tensor>> {
    try {
      const outputs = await this.#session.run(feeds, wanted);
      this.#failures = 0;
      return outputs as Record<string, Tensor>;
    } catch (error) {
      throw this.#explain(error, batch);
    }
  }

  #explain(error: unknown, batch: RaggedBatch): StagecoachError {
    const { message } = StagecoachError.from(error);
    const failure = deviceFailureOf(error);
    if (failure === "memory") return noRoomFor(batch, `${this.#device} (${message.trim()})`, error);
    if (failure === "lost") return deviceLost(`${this.#device} is lost: ${message.trim()}`, error);
    this.#failures++;
    if (this.#failures >= mostFailures) {
      return deviceLost(
        `${this.#device} fails: ${mostFailures} runs in a row, the last by ${message.trim()}`,
        error,
      );
    }
    const ids = batch.sequenceIds.join(", ");
    return new StagecoachError("INTERNAL", `cannot compute sequences ${ids}: ${message}`, { cause: error });
  }
}
