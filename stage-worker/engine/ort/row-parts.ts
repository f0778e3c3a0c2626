import type { Tensor } from "onnxruntime-node";
import { graphOutputs } from "../../../model/graph/stage-graph-io.js";
import type { RowPart, WeightSums } from "../../sampler/row-part.js";
import type { PartNeeds, RowNeeds } from "./row-needs.js";
import { rowReader } from "./row-reader.js";

/** Sampled rows, as far as parts of them are concerned. */
type Rows = readonly { readonly needs: RowNeeds }[];

/** What a graph with KV in blocks is told of the parts that rows need; of a row of no interest where none does. */
export interface PartInputs {
  readonly wantsParts: boolean;
  readonly topRows: readonly number[];
  /** Four numbers a row; see `graphInputs`. */
  readonly weighedRows: readonly number[];
}

export function partInputs(rows: Rows, runCount: number): PartInputs {
  const topRows = topRowsOf(rows);
  const weighed = rows.flatMap(({ needs }, row) =>
    needs.kind === "part"
      ? needs.temperatures.flatMap((temperature) => [
          row,
          Math.min(1 / temperature, largestInverse),
          Math.min(needs.random, largestRandom),
          row * runCount,
        ])
      : [],
  );
  return {
    wantsParts: topRows.length > 0 || weighed.length > 0,
    // Never none: a provider may not take an empty tensor there.
    topRows: topRows.length > 0 ? topRows : [0],
    weighedRows: weighed.length > 0 ? weighed : [0, 1, 0, 0],
  };
}

/** Names of the outputs that `partReader` reads. */
export function partOutputs(rows: Rows): string[] {
  const { topTokens, topLogits, runningSums, drawnRuns, drawnLogits } = graphOutputs;
  const weighs = rows.some(({ needs }) => needs.kind === "part" && needs.temperatures.length > 0);
  return [
    ...(topRowsOf(rows).length > 0 ? [topTokens, topLogits] : []),
    ...(weighs ? [runningSums, drawnRuns, drawnLogits] : []),
  ];
}

/** Gives the parts of rows that need one, one after another. */
export function partReader(
  outputs: Readonly<Record<string, Tensor>>,
  rows: Rows,
): (needs: PartNeeds) => Pick<RowPart, "top" | "sums"> {
  const topRows = topRowsOf(rows).length;
  const nextTokens = rowReader(outputs[graphOutputs.topTokens], topRows);
  const nextLogits = rowReader(outputs[graphOutputs.topLogits], topRows);
  const weighed = outputs[graphOutputs.drawnRuns]?.dims[0] ?? 0;
  const nextRunning = rowReader(outputs[graphOutputs.runningSums], weighed);
  const nextDrawn = rowReader(outputs[graphOutputs.drawnLogits], weighed);
  const nextRun = rowReader(outputs[graphOutputs.drawnRuns], weighed);
  const sumsAt = (temperature: number): WeightSums => {
    const running = nextRunning() as Float32Array;
    // The run is counted through all sampled rows.
    const run = (nextRun()[0] as number) % running.length;
    return { temperature, running, run, logits: nextDrawn() as Float32Array };
  };
  return ({ top, temperatures }) => ({
    ...(top && {
      top: {
        tokens: Array.from(nextTokens() as BigInt64Array, Number),
        logits: nextLogits() as Float32Array,
      },
    }),
    sums: temperatures.map(sumsAt),
  });
}

function topRowsOf(rows: Rows): number[] {
  return [...rows.keys()].filter((row) => {
    const needs = rows[row]?.needs;
    return needs?.kind === "part" && needs.top;
  });
}

/** So far below 1 that its product with a sum is below the sum in f32, and falls into a run. */
const largestRandom = 1 - 2 ** -23;
/** Finite in f32 with any difference of halves, so that equals of the best keep their weight. */
const largestInverse = 1e30;
