import type { Sampler } from "../sampler/create-sampler.js";
import type { Device } from "./device.js";
import { explainDeviceError } from "./explain-device-error.js";
import type { Provider } from "./paged/provider.js";
import { createSimulatedRunner, instantSimulation, type SimulationOptions } from "./simulated-runner.js";
import type { RunnerOptions, StageRunner } from "./stage-runner.js";
import { throttle } from "./throttle.js";

/** Everything that a runner is made from; plain data, so that it can be sent to the engine's thread. */
export interface RunnerSpec {
  readonly device: Device;
  /** Which of the machine's GPUs, for `cuda`. Defaults to the first. */
  readonly deviceIndex?: number;
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
 * it is asked for. `sampler` chooses tokens at the last stage of a device that computes; by default one that does as
 * requests say.
 * @throws StagecoachError whatever the runner cannot be made for: memory, blobs, model
 */
export async function createRunner(spec: RunnerSpec, sampler?: Sampler): Promise<StageRunner> {
  const runner = await createPlainRunner(spec, sampler);
  return spec.throttle === undefined || spec.throttle === 1 ? runner : throttle(runner, spec.throttle);
}

async function createPlainRunner(spec: RunnerSpec, given: Sampler | undefined): Promise<StageRunner> {
  const { device, options, simulation } = spec;
  if (device === "simulated") return createSimulatedRunner(options, simulation ?? instantSimulation);
  const { createSampler } = await import("../sampler/create-sampler.js");
  const sampler = given ?? createSampler(options.manifest.config.vocabularySize);
  if (device === "cpu") {
    const { createCpuRunner } = await import("./cpu/create-cpu-runner.js");
    return createCpuRunner(options, sampler);
  }
  const { createPagedRunner } = await import("./paged/create-paged-runner.js");
  try {
    return await createPagedRunner(options, await providerOf(spec), sampler);
  } catch (reason) {
    throw explainDeviceError(device, reason);
  }
}

async function providerOf({ device, deviceIndex = 0, options }: RunnerSpec): Promise<Provider> {
  if (device === "cuda") return (await import("./paged/cuda-provider.js")).cudaProvider(deviceIndex, options);
  return (await import("./paged/webgpu-provider.js")).webgpuProvider();
}
