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
  readonly needs: RowNeeds;
}

/**
 * What of a row's logits decides: the largest (see `isPlainGreedy`), a few of the best (see `drawsFromBest`), or all
 * of them.
 */
export type RowNeeds = "best" | "top" | "logits";

/** The rows that need this, counted among the sampled ones. */
export function rowsThatNeed(needs: RowNeeds, rows: readonly SampledRow[]): number[] {
  return [...rows.keys()].filter((index) => rows[index]?.needs === needs);
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
  const wholeRows = rowReader(outputs[graphOutputs.logits], rowsThatNeed("logits", rows).length);
  const topRows = rowsThatNeed("top", rows).length;
  const topLogits = rowReader(outputs[graphOutputs.topLogits], topRows);
  const topTokens = rowReader(outputs[graphOutputs.topTokens], topRows);
  return rows.map(({ sequenceId, position, needs }, row) => {
    checkFinite(sequenceId, bestLogits.data[row] as number);
    if (needs === "best") return { sequenceId, tokenId: Number(best.data[row]) };
    if (needs === "logits") return sampler.sample(sequenceId, wholeRows() as Float32Array, position);
    const tokens = Array.from(topTokens() as BigInt64Array, Number);
    return sampler.sampleBest(sequenceId, { tokens, logits: topLogits() as Float32Array }, position);
  });
}

/** Gives the rows of an output one after another. */
function rowReader(output: Tensor | undefined, rows: number): () => Float32Array | BigInt64Array {
  const data = (output?.data ?? new Float32Array(0)) as Float32Array | BigInt64Array;
  const width = data.length / Math.max(1, rows);
  let next = 0;
  return () => data.subarray(next++ * width, next * width);
}

function checkFinite(sequenceId: number, logit: number): void {
  if (Number.isFinite(logit)) return;
  throw new StagecoachError("INTERNAL", `sequence ${sequenceId} came to logits that are not finite`);
}
