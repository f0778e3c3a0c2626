import type { FinishedReason, Metrics } from "../../common/metrics.js";

/** Times one sequence for the metrics. */
export interface RequestWatch {
  /** Call at every event of the sequence, with the tokens it brought. */
  tokens(count: number): void;
  /** The first reason wins; without one the request was abandoned. */
  finish(reason: FinishedReason): void;
  /** Writes down how the sequence ended. */
  close(): void;
}

/**
 * Starts the watch of a sequence.
 * @param arrivedMs `performance.now()` when the request came in
 */
export function watchRequest(metrics: Metrics, promptTokens: number, arrivedMs: number): RequestWatch {
  let lastMs: number | undefined;
  let generationTokens = 0;
  let finishedReason: FinishedReason | undefined;
  return {
    tokens: (count) => {
      const nowMs = performance.now();
      if (lastMs === undefined) {
        metrics.countPromptTokens(promptTokens);
        metrics.observeTimeToFirstToken((nowMs - arrivedMs) / 1000);
      } else {
        metrics.observeInterTokenLatency((nowMs - lastMs) / 1000);
      }
      lastMs = nowMs;
      generationTokens += count;
      metrics.countGenerationTokens(count);
    },
    finish: (reason) => {
      finishedReason ??= reason;
    },
    close: () => {
      const seconds = (performance.now() - arrivedMs) / 1000;
      metrics.observeRequest({
        finishedReason: finishedReason ?? "abort",
        seconds,
        promptTokens,
        generationTokens,
      });
    },
  };
}
