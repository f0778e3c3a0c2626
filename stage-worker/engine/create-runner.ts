import { createSimulatedRunner, instantSimulation, type SimulationOptions } from "./simulated-runner.js";
import type { RunnerOptions, StageRunner } from "./stage-runner.js";
import { throttle } from "./throttle.js";

/** What computes. */
export const devices = ["cpu", "simulated"] as const;
export type Device = (typeof devices)[number];

/** Everything that a runner is made from; plain data, so that it can be sent to the engine's thread. */
export interface RunnerSpec {
  readonly device: Device;
  readonly options: RunnerOptions;
  /** Times of the simulated device. Defaults to none at all. */
  readonly simulation?: SimulationOptions;
  /** Computing takes this many times as long. Defaults to 1. */
  readonly throttle?: number;
  /** Processors that its thread keeps to, as `pinThread` takes them. Defaults to any. */
  readonly cpus?: string;
}

/**
 * Makes the runner for a device, in the thread that will call it. A device's libraries are only loaded when
 * it is asked for.
 * @throws StagecoachError whatever the runner cannot be made for: memory, blobs, model
 */
export async function createRunner(spec: RunnerSpec): Promise<StageRunner> {
  const runner = await createPlainRunner(spec);
  return spec.throttle === undefined || spec.throttle === 1 ? runner : throttle(runner, spec.throttle);
}

async function createPlainRunner({ device, options, simulation }: RunnerSpec): Promise<StageRunner> {
  switch (device) {
    case "simulated":
      return createSimulatedRunner(options, simulation ?? instantSimulation);
    case "cpu": {
      const { createCpuRunner } = await import("./cpu/create-cpu-runner.js");
      const { createSampler } = await import("../sampler/create-sampler.js");
      return createCpuRunner(options, createSampler(options.manifest.config.vocabularySize));
    }
  }
}
