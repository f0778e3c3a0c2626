import { parentPort, workerData } from "node:worker_threads";
import { createRunner, type RunnerSpec } from "./create-runner.js";
import { type EngineFailure, failureOf } from "./engine-messages.js";
import { type ModelTimes, measureModel } from "./measure-model.js";
import type { MeasureSchedule } from "./measure-schedule.js";
import { noRoomToMeasure } from "./no-room-to-measure.js";
import { pinThread } from "./pin-thread.js";

/** What the thread is started with: a runner's specification, of which the part of the model is replaced. */
export interface MeasureThreadData {
  readonly spec: RunnerSpec;
  readonly schedule: MeasureSchedule;
}

/** The thread's only message. */
export type FromMeasure = { kind: "times"; times: ModelTimes } | { kind: "broken"; failure: EngineFailure };

/** Entry of the thread that times a model: `session.run` blocks the thread it is called from. */
async function main({ spec, schedule }: MeasureThreadData): Promise<FromMeasure> {
  if (spec.cpus !== undefined) pinThread(spec.cpus);
  const { options } = spec;
  const times = await measureModel(options.manifest, { schedule, limits: options }, (part) =>
    createRunner({ ...spec, options: { ...options, ...part } }),
  ).catch((reason: unknown) => {
    throw noRoomToMeasure(reason);
  });
  return { kind: "times", times };
}

void main(workerData as MeasureThreadData)
  .catch((reason: unknown): FromMeasure => ({ kind: "broken", failure: failureOf(reason) }))
  .then((message) => parentPort?.postMessage(message));
