import { describeMachine } from "../machine.js";
import { markdownTable } from "../markdown-table.js";
import { describeStages } from "../render-bench.js";
import { markdownReport } from "../report.js";
import { type Figure, verdictOf, withUnit } from "./figure.js";
import type { ScenarioResult } from "./scenario.js";

/** What of a whole run is told beside its results. */
export interface SuiteFacts {
  readonly version: string;
  readonly model: string;
  readonly variant: string;
  readonly rounds: number;
  readonly scale: number;
  readonly startedAt: string;
  /** As typed. */
  readonly command: string;
}

/** Target, reached and verdict of every figure. */
export function figureTable(results: readonly ScenarioResult[]): string {
  return markdownTable(
    ["figure", "target", "reached", "verdict", "values"],
    results.flatMap(({ figures }) => figures.map(figureRow)),
  );
}

/** The whole report as Markdown: the figures, then each scenario's medians and stages. */
export function suiteMarkdown(results: readonly ScenarioResult[], facts: SuiteFacts): string {
  const { version, model, variant, rounds, scale, startedAt, command } = facts;
  const first = results[0]?.machineBefore;
  const lines = [
    `    ${command}`,
    "",
    `stagecoach ${version}, ${model} (${variant}), medians of ${rounds} rounds, started ${startedAt}` +
      `${scale === 1 ? "" : `, lengths scaled by ${scale}: the verdicts mean nothing`}.`,
    ...(first === undefined ? [] : [`Before the start: ${describeMachine(first)}.`]),
    "",
    figureTable(results),
  ];
  return [...lines, ...results.flatMap(scenarioMarkdown), ""].join("\n");
}

/** One scenario's section. */
function scenarioMarkdown(result: ScenarioResult): string[] {
  const { title, name, columns, stages, notes, machineBefore } = result;
  const { loadAverage, busyCores, freeBytes } = machineBefore;
  const before = `load average ${loadAverage.toFixed(2)}, ${busyCores.toFixed(2)} cores busy with other things, ${(freeBytes / 2 ** 30).toFixed(1)} GiB free`;
  return [
    "",
    `### ${title}`,
    "",
    ...(columns.length === 0 ? [] : [markdownReport(columns), ""]),
    ...describeStages(stages).map((line) => `- ${line}`),
    ...notes.map((note) => `- ${note}`),
    `- \`--only ${name}\`; before it: ${before}`,
  ];
}

function figureRow(figure: Figure): string[] {
  const { name, bound, target, reached, unit, detail } = figure;
  return [name, `${bound} ${withUnit(target, unit)}`, withUnit(reached, unit), verdictOf(figure), detail];
}
