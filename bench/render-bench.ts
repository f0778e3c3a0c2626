import { markdownReport, renderReport } from "./report.js";
import type { BenchResult } from "./run-bench.js";
import type { StageShares } from "./stage-shares.js";

/** A whole result in words: the table, then what each stage did with its time. */
export function renderBench(
  { columns, stages, loadBefore }: Pick<BenchResult, "columns" | "stages" | "loadBefore">,
  form: "terminal" | "markdown",
): string {
  const table = form === "markdown" ? markdownReport(columns) : renderReport(columns);
  const lines = describeStages(stages);
  const list = form === "markdown" ? lines.map((line) => `- ${line}`) : lines;
  return [table, "", ...list, "", `load average before the start: ${loadBefore.toFixed(2)}`].join("\n");
}

/** A line a stage: what it did with its time, its hop, its memory. */
export function describeStages(stages: readonly StageShares[]): string[] {
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  return stages.map(
    (stage) =>
      `stage ${stage.stageIndex} (${stage.workerId}): busy ${percent(stage.busy)}, waiting for frames ${percent(stage.waitIn)} ` +
      `(${percent(stage.bubble)} while others worked), for the next stage ${percent(stage.waitOut)}, ` +
      `sending ${percent(stage.send)}; hop p50 ${stage.hopP50Ms.toFixed(2)} ms; ` +
      `${Math.round(stage.residentBytes / 1e6)} MB resident`,
  );
}
