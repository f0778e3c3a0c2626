import Table from "cli-table3";
import { markdownTable } from "./markdown-table.js";
import { median, type RunSummary } from "./statistics.js";

/** One server's rounds on one workload. */
export interface Column {
  readonly name: string;
  readonly rounds: readonly RunSummary[];
}

interface Row {
  readonly label: string;
  readonly value: (summary: RunSummary) => number;
  readonly digits: number;
}

const rows: readonly Row[] = [
  { label: "output tok/s (whole run)", value: (run) => run.outputTokensPerSecond, digits: 1 },
  { label: "decode tok/s", value: (run) => run.decodeTokensPerSecond, digits: 1 },
  { label: "prefill tok/s", value: (run) => run.prefillTokensPerSecond, digits: 1 },
  { label: "total tok/s", value: (run) => run.totalTokensPerSecond, digits: 1 },
  { label: "TTFT mean ms", value: (run) => run.timeToFirstTokenMs.mean, digits: 0 },
  { label: "TTFT p50 ms", value: (run) => run.timeToFirstTokenMs.p50, digits: 0 },
  { label: "TTFT p99 ms", value: (run) => run.timeToFirstTokenMs.p99, digits: 0 },
  { label: "inter-token p50 ms", value: (run) => run.interTokenMs.p50, digits: 1 },
  { label: "inter-token p95 ms", value: (run) => run.interTokenMs.p95, digits: 1 },
  { label: "inter-token p99 ms", value: (run) => run.interTokenMs.p99, digits: 1 },
  { label: "end to end p50 ms", value: (run) => run.endToEndMs.p50, digits: 0 },
];

/** The medians of each column's rounds, and where they are compared the ratio of the first to the last, as a table for a terminal. */
export function renderReport(columns: readonly Column[]): string {
  const { head, lines } = cells(columns);
  const table = new Table({
    head,
    style: { head: [], border: [] },
    colAligns: head.map((_, index) => (index === 0 ? "left" : "right")),
  });
  table.push(...lines);
  return table.toString();
}

/** The same as Markdown, for docs/performance.md. */
export function markdownReport(columns: readonly Column[]): string {
  const { head, lines } = cells(columns);
  return markdownTable(head, lines);
}

function cells(columns: readonly Column[]): { head: string[]; lines: string[][] } {
  const compared = columns.length > 1;
  const head = [
    "median of rounds",
    ...columns.map((column) => column.name),
    ...(compared ? ["first / last"] : []),
  ];
  const lines = rows.map(({ label, value, digits }) => {
    const medians = columns.map((column) => median(column.rounds.map(value)));
    const ratio = (medians[0] ?? Number.NaN) / (medians.at(-1) ?? Number.NaN);
    return [label, ...medians.map((each) => decimal(each, digits)), ...(compared ? [decimal(ratio, 2)] : [])];
  });
  return { head, lines };
}

function decimal(value: number, digits: number): string {
  return Number.isFinite(value) ? value.toFixed(digits) : "–";
}
