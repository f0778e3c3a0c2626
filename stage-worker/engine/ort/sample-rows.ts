import type { Tensor } from "onnxruntime-node";
import { StagecoachError } from "../../../common/errors.js";
import { graphOutputs } from "../../../model/graph/stage-graph-io.js";
import type { Sampler } from "../../sampler/create-sampler.js";
import type { SampledToken } from "../stage-runner.js";
import type { RowNeeds, SureNeeds } from "./row-needs.js";
import { partReader } from "./row-parts.js";
import { rowReader } from "./row-reader.js";

/** A row that is sampled from. */
export interface SampledRow<Needs extends RowNeeds = RowNeeds> {
  readonly sequenceId: number;
  /** The token's place in prompt and output together. */
  readonly position: number;
  readonly needs: Needs;
}

/** The rows whose logits are wanted, counted among the sampled ones. */
export function logitRows(rows: readonly SampledRow[]): number[] {
  return [...rows.keys()].filter((index) => rows[index]?.needs.kind === "logits");
}

/**
 * The tokens of a run's sampled rows, in their order; undefined where a part did not decide.
 * @throws StagecoachError INTERNAL for logits that are not finite, and what the sampler throws
 */
export function sampleOutputs(
  outputs: Readonly<Record<string, Tensor>>,
  rows: readonly SampledRow<SureNeeds>[],
  sampler: Sampler,
): SampledToken[];
export function sampleOutputs(
  outputs: Readonly<Record<string, Tensor>>,
  rows: readonly SampledRow[],
  sampler: Sampler,
): (SampledToken | undefined)[];
export function sampleOutputs(
  outputs: Readonly<Record<string, Tensor>>,
  rows: readonly SampledRow[],
  sampler: Sampler,
): (SampledToken | undefined)[] {
  const best = (outputs[graphOutputs.best] as Tensor).data;
  const bestLogits = (outputs[graphOutputs.bestLogits] as Tensor).data;
  const nextLogits = rowReader(outputs[graphOutputs.logits], logitRows(rows).length);
  const nextPart = partReader(outputs, rows);
  return rows.map(({ sequenceId, position, needs }, row) => {
    const largest = bestLogits[row] as number;
    checkFinite(sequenceId, largest);
    const bestToken = Number(best[row]);
    if (needs.kind === "part") {
      const part = { bestToken, largest, ...nextPart(needs) };
      for (const { running } of part.sums) checkFinite(sequenceId, running.at(-1) as number);
      return sampler.samplePart(sequenceId, part, position);
    }
    if (needs.kind === "best") return { sequenceId, tokenId: bestToken };
    return sampler.sample(sequenceId, nextLogits() as Float32Array, position);
  });
}

function checkFinite(sequenceId: number, logit: number): void {
  if (Number.isFinite(logit)) return;
  throw new StagecoachError("INTERNAL", `sequence ${sequenceId} came to logits that are not finite`);
}
