import type { FittedTime } from "./fit-line.js";
import type { MeasuredTime, ModelTimes } from "./measure-model.js";

/**
 * What a throttled runner takes, from the times of the plain one: a runner that sleeps is not measured itself,
 * since its sleep cannot be told from time in which others had the processor.
 */
export function throttledTimes(times: ModelTimes, factor: number): ModelTimes {
  return {
    ...times,
    layerDecode: slowed(times.layerDecode, factor),
    layerPrefill: slowed(times.layerPrefill, factor),
    embedding: slowed(times.embedding, factor),
    head: slowed(times.head, factor),
    stage: slowedLine(times.stage, factor),
    attentionMsPerToken: times.attentionMsPerToken * factor,
  };
}

/** A line of times for a computation that takes `factor` times as long. */
export function slowedLine({ alphaMs, betaMs }: FittedTime, factor: number): FittedTime {
  return { alphaMs: alphaMs * factor, betaMs: betaMs * factor };
}

function slowed({ points, ...line }: MeasuredTime, factor: number): MeasuredTime {
  return { ...slowedLine(line, factor), points: points.map(({ rows, ms }) => ({ rows, ms: ms * factor })) };
}
