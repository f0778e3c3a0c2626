import type { StageRunner } from "./stage-runner.js";

/** Makes a runner's computing take `factor` times as long, for trying unequal workers on equal machines. */
export function throttle(runner: StageRunner, factor: number): StageRunner {
  const cell = new Int32Array(new SharedArrayBuffer(4));
  return {
    blockCount: runner.blockCount,
    weightBytes: runner.weightBytes,
    ...(runner.memoryUse !== undefined && { memoryUse: runner.memoryUse }),
    open: (openings) => runner.open(openings),
    forward: async (batch, input) => {
      const startedMs = performance.now();
      const output = await runner.forward(batch, input);
      Atomics.wait(cell, 0, 0, (performance.now() - startedMs) * (factor - 1));
      return output;
    },
    closeSequences: (closings) => runner.closeSequences(closings),
    usage: () => runner.usage(),
    close: () => runner.close(),
  };
}
