import { markdownReport, renderReport } from "./report.js";
import type { BenchResult } from "./run-bench.js";

/** A whole result in words: the table, then what each stage did with its time. */
export function renderBench(
  { columns, stages, loadBefore }: BenchResult,
  form: "terminal" | "markdown",
): string {
  const table = form === "markdown" ? markdownReport(columns) : renderReport(columns);
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  const stageLines = stages.map(
    (stage) =>
      `stage ${stage.stageIndex} (${stage.workerId}): busy ${percent(stage.busy)}, waiting for frames ${percent(stage.waitIn)}, ` +
      `for the next stage ${percent(stage.waitOut)}, sending ${percent(stage.send)}; hop p50 ${stage.hopP50Ms.toFixed(2)} ms; ` +
      `${Math.round(stage.residentBytes / 1e6)} MB resident`,
  );
  const list = form === "markdown" ? stageLines.map((line) => `- ${line}`) : stageLines;
  return [table, "", ...list, "", `load average before the start: ${loadBefore.toFixed(2)}`].join("\n");
}
