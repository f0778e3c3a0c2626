import type { InferenceSession, Tensor } from "onnxruntime-node";
import { StagecoachError } from "../../../common/errors.js";
import { noRoomFor } from "../compute-in-parts.js";
import { deviceFailureOf, deviceLost, wordsOfFailure } from "../device-failure.js";
import type { RaggedBatch } from "../stage-runner.js";

/** What goes wrong is told by who asked; ONNX Runtime would write it to stderr as well. */
const quiet = { logSeverityLevel: 4 } as const;

/** Runs of a session on a device, whose errors get their meaning here. */
export class DeviceRuns {
  readonly #session: Pick<InferenceSession, "run">;
  readonly #device: string;
  readonly #alive: () => Promise<boolean>;

  /**
   * @param device its name, for errors
   * @param alive whether the device computes anything at all; asked when a run failed for a reason that nobody knows
   */
  constructor(
    session: Pick<InferenceSession, "run">,
    { device, alive }: { readonly device: string; readonly alive: () => Promise<boolean> },
  ) {
    this.#session = session;
    this.#device = device;
    this.#alive = alive;
  }

  /**
   * @throws StagecoachError RESOURCE_EXHAUSTED when memory does not hold the run, what `deviceLost` makes when the
   * device computes nothing any more, otherwise INTERNAL
   */
  async run(
    feeds: Readonly<Record<string, Tensor>>,
    wanted: readonly string[],
    batch: RaggedBatch,
  ): Promise<Record<string, Tensor>> {
    try {
      return (await this.#session.run(feeds, wanted, quiet)) as Record<string, Tensor>;
    } catch (error) {
      throw await this.#explain(error, batch);
    }
  }

  async #explain(error: unknown, batch: RaggedBatch): Promise<StagecoachError> {
    const { message } = StagecoachError.from(error);
    const failure = deviceFailureOf(error);
    if (failure === "memory") return noRoomFor(batch, `${this.#device} (${wordsOfFailure(message)})`, error);
    if (failure === "lost" || !(await this.#alive())) {
      return deviceLost(`${this.#device} is lost: ${wordsOfFailure(message)}`, error);
    }
    const ids = batch.sequenceIds.join(", ");
    return new StagecoachError("INTERNAL", `cannot compute sequences ${ids}: ${message}`, { cause: error });
  }
}
