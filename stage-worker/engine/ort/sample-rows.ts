import type { Tensor } from "onnxruntime-node";
import { StagecoachError } from "../../../common/errors.js";
import { graphOutputs } from "../../../model/graph/stage-graph-io.js";
import type { Sampler } from "../../sampler/create-sampler.js";
import type { SampledToken } from "../stage-runner.js";

/** A row that is sampled from. */
export interface SampledRow {
  readonly sequenceId: number;
  /** The token's place in prompt and output together. */
  readonly position: number;
  /** Takes the most likely token as it is; see `isPlainGreedy`. */
  readonly greedy: boolean;
}

/** Which rows' logits a run has to give, counted among the sampled ones. */
export function logitRowsOf(rows: readonly SampledRow[]): number[] {
  return [...rows.keys()].filter((index) => rows[index]?.greedy === false);
}

/**
 * The tokens of a run's sampled rows, in their order.
 * @throws StagecoachError INTERNAL for logits that are not finite, and what the sampler throws
 */
export function sampleOutputs(
  outputs: Readonly<Record<string, Tensor>>,
  rows: readonly SampledRow[],
  sampler: Sampler,
): SampledToken[] {
  const best = outputs[graphOutputs.best] as Tensor;
  const bestLogits = outputs[graphOutputs.bestLogits] as Tensor;
  const logits = outputs[graphOutputs.logits]?.data as Float32Array | undefined;
  const width = (logits?.length ?? 0) / Math.max(1, logitRowsOf(rows).length);
  let logitRow = 0;
  return rows.map(({ sequenceId, position, greedy }, row) => {
    checkFinite(sequenceId, bestLogits.data[row] as number);
    if (logits === undefined || greedy) return { sequenceId, tokenId: Number(best.data[row]) };
    const start = logitRow++ * width;
    return sampler.sample(sequenceId, logits.subarray(start, start + width), position);
  });
}

function checkFinite(sequenceId: number, logit: number): void {
  if (Number.isFinite(logit)) return;
  throw new StagecoachError("INTERNAL", `sequence ${sequenceId} came to logits that are not finite`);
}
