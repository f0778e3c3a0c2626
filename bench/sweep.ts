import type { LoadRunner } from "./load-runner.js";
import { markdownTable } from "./markdown-table.js";
import type { Panel, Plot } from "./plot/render-plot.js";
import type { Column } from "./report.js";
import { median, type RunSummary } from "./statistics.js";
import { takeTurns } from "./take-turns.js";
import { makeWorkload } from "./workload.js";

/** What to sweep. */
export interface SweepOptions {
  /** Requests at once, ascending. */
  readonly concurrencies: readonly number[];
  readonly rounds: number;
  readonly warmUp: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
  readonly vocabularySize: number;
  /** Of the prompts' tokens. */
  readonly seed: number;
  readonly onProgress: (line: string) => void;
}

/** Every server's rounds with so many requests at once. */
export interface SweepPoint {
  readonly concurrency: number;
  readonly columns: readonly Column[];
}

/** Runs as many requests as there may be at once, for each concurrency, on each runner in turn. */
export async function runSweep(runners: readonly LoadRunner[], options: SweepOptions): Promise<SweepPoint[]> {
  const points: SweepPoint[] = [];
  for (const concurrency of options.concurrencies) {
    const columns = await takeTurns(runners, {
      rounds: options.rounds,
      warmUp: Math.min(options.warmUp, concurrency),
      runOf: (round) => ({
        workload: makeWorkload({
          ...options,
          requests: concurrency,
          seed: options.seed + 1000 * concurrency + round,
        }),
        concurrency,
      }),
      onProgress: (line) => options.onProgress(`${concurrency} at once, ${line}`),
    });
    points.push({ concurrency, columns });
  }
  return points;
}

/** The sweep as a picture: throughput, time between tokens and time to first token. */
export function sweepPlot(points: readonly SweepPoint[], subtitle: string): Plot {
  const names = points[0]?.columns.map(({ name }) => name) ?? [];
  const panel = (title: string, unit: string, value: (run: RunSummary) => number): Panel => ({
    title,
    unit,
    series: names.map((name) => ({
      name,
      values: points.map(({ columns }) =>
        median(columns.find((column) => column.name === name)?.rounds.map(value) ?? []),
      ),
    })),
  });
  return {
    title: "Throughput and latency over concurrency",
    subtitle,
    xLabel: "requests at once",
    xValues: points.map(({ concurrency }) => concurrency),
    panels: [
      panel("Output, whole run", "tok/s", (run) => run.outputTokensPerSecond),
      panel("Between tokens, p50", "ms", (run) => run.interTokenMs.p50),
      panel("To first token, p50", "ms", (run) => run.timeToFirstTokenMs.p50),
    ],
  };
}

/** The sweep's medians as Markdown, a row a server and concurrency. */
export function sweepMarkdown(points: readonly SweepPoint[]): string {
  const head = [
    "at once",
    "server",
    "output tok/s",
    "decode tok/s",
    "between tokens p50 ms",
    "first token p50 ms",
  ];
  const rows = points.flatMap(({ concurrency, columns }) =>
    columns.map(({ name, rounds }) => {
      const of = (value: (run: RunSummary) => number): string => {
        const middle = median(rounds.map(value));
        return Number.isFinite(middle) ? middle.toFixed(1) : "–";
      };
      return [
        String(concurrency),
        name,
        of((run) => run.outputTokensPerSecond),
        of((run) => run.decodeTokensPerSecond),
        of((run) => run.interTokenMs.p50),
        of((run) => run.timeToFirstTokenMs.p50),
      ];
    }),
  );
  return markdownTable(head, rows);
}
