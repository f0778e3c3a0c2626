import type { StageRunner } from "./stage-runner.js";

/** Makes a runner's computing take `factor` times as long, for trying unequal workers on equal machines; all else stays. */
export function throttle(runner: StageRunner, factor: number): StageRunner {
  const cell = new Int32Array(new SharedArrayBuffer(4));
  return {
    ...runner,
    forward: async (batch, input) => {
      const startedMs = performance.now();
      const output = await runner.forward(batch, input);
      Atomics.wait(cell, 0, 0, (performance.now() - startedMs) * (factor - 1));
      return output;
    },
  };
}
