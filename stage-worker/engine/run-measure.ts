import { once } from "node:events";
import { StagecoachError } from "../../common/errors.js";
import { startThread } from "../../common/start-thread.js";
import type { RunnerSpec } from "./create-runner.js";
import { errorOf } from "./engine-messages.js";
import type { ModelTimes } from "./measure-model.js";
import type { MeasureSchedule } from "./measure-schedule.js";
import type { FromMeasure } from "./measure-thread.js";

/**
 * Times a model in a thread of its own.
 * @throws StagecoachError what a runner cannot be made for, or the signal's reason
 */
export async function runMeasure(
  spec: RunnerSpec,
  schedule: MeasureSchedule,
  signal: AbortSignal,
): Promise<ModelTimes> {
  const thread = startThread(import.meta.url, "measure-thread", { spec, schedule });
  try {
    const [message] = (await once(thread, "message", { signal })) as [FromMeasure];
    if (message.kind === "times") return message.times;
    throw errorOf(message.failure);
  } catch (reason) {
    signal.throwIfAborted();
    throw StagecoachError.from(reason);
  } finally {
    await thread.terminate();
  }
}
