import type { ClusterStatus__Output } from "../../proto/gen/stagecoach/v1/ClusterStatus.js";
import type { LaneStatus__Output } from "../../proto/gen/stagecoach/v1/LaneStatus.js";
import type { WorkerStatus__Output } from "../../proto/gen/stagecoach/v1/WorkerStatus.js";
import { clock, percent } from "../figures.js";
import { renderWorkers, type WorkerColumn, workerColumns } from "../worker-columns.js";
import { cut, type Paint } from "./paint.js";
import type { StageHistory } from "./stage-history.js";
import { stageStrip, stripLegend } from "./stage-strip.js";

/** What a frame is drawn from and for. */
export interface TopFrame {
  readonly status: ClusterStatus__Output;
  readonly history: StageHistory;
  readonly nowMs: number;
  readonly columns: number;
  /** Lines that fit; absent: as many as there are. */
  readonly rows?: number;
  readonly paint: Paint;
}

const stageColumns: readonly WorkerColumn[] = [
  workerColumns.stage,
  workerColumns.worker,
  workerColumns.layers,
  workerColumns.busy,
  { ...workerColumns.waitIn, title: "IN" },
  { ...workerColumns.waitOut, title: "OUT" },
  workerColumns.send,
  workerColumns.bubble,
  workerColumns.hop,
  workerColumns.memory,
];

/** A strip narrower than this says nothing. */
const narrowestStrip = 20;
const widestStrip = 60;
const meterColumns = 24;

/** One frame of `top`, no line longer than the terminal. */
export function renderTop(frame: TopFrame): string[] {
  const { status, columns, rows = Number.POSITIVE_INFINITY, paint } = frame;
  const lines = [...headLines(status, paint), "", ...stageLines(frame), "", stripLegend(paint)];
  return lines.slice(0, rows).map((line) => cut(line, columns));
}

function headLines(status: ClusterStatus__Output, paint: Paint): string[] {
  const rate = (value: number): string => paint("bold", value.toFixed(1).padStart(8));
  const { blocksUsed, blocksTotal } = status;
  const cached = status.blocksCached > 0 ? `, ${status.blocksCached} more kept for prefixes` : "";
  return [
    `${paint("bold", "stagecoach top")}  ${status.cluster}  ${status.model || "no model"}${status.variant === "" ? "" : ` (${status.variant})`}  up ${clock(status.uptimeSeconds)}  ${paint("faint", "q quits")}`,
    `state      ${paint(status.state === "SERVING" ? "green" : "yellow", status.state)}${status.stateDetail === "" ? "" : `  ${status.stateDetail}`}`,
    `tokens/s ${rate(status.generationTokensPerSecond)} generated ${rate(status.promptTokensPerSecond)} of prompts`,
    `requests ${paint("bold", String(status.requestsRunning).padStart(6))} running   ${paint(status.requestsWaiting > 0 ? "yellow" : "bold", String(status.requestsWaiting).padStart(6))} waiting`,
    `KV cache   ${meter(blocksTotal === 0 ? 0 : blocksUsed / blocksTotal, paint)} ${blocksUsed} of ${blocksTotal} blocks${cached}`,
    ...(status.prefixQueries > 0 ? [`prefixes   ${prefixHits(status, paint)}`] : []),
    ...laneLines(status.lanes, paint),
  ];
}

function prefixHits({ prefixHits: hits, prefixQueries }: ClusterStatus__Output, paint: Paint): string {
  const share = hits / prefixQueries;
  return `${meter(share, paint)} ${percent(share)} of ${prefixQueries.toLocaleString("en-US")} prompt tokens found`;
}

/** A line a pipeline: what each of its lanes carries. */
function laneLines(lanes: readonly LaneStatus__Output[], paint: Paint): string[] {
  const replicas = [...new Set(lanes.map(({ replica }) => replica))];
  return replicas.map((replica) => {
    const texts = lanes
      .filter((lane) => lane.replica === replica)
      .map(({ decodeRows, prefillTokens }) => {
        const prompts = prefillTokens > 0 ? ` + ${prefillTokens}` : "";
        return `[${paint("green", `${decodeRows}`)}${paint("cyan", prompts)}]`;
      });
    const name = replicas.length > 1 ? `lanes of ${replica}` : "lanes";
    return `${name.padEnd(11)}${texts.join(" ")} ${paint("faint", "decoding + prompt tokens")}`;
  });
}

/** The table of stages, with each one's strip beside it, or below it where there is no room. */
function stageLines({ status, history, nowMs, columns, paint }: TopFrame): string[] {
  const workers = status.workers
    .filter(({ stageIndex }) => stageIndex !== undefined)
    .sort((a, b) => (a.stageIndex ?? 0) - (b.stageIndex ?? 0));
  const [head = "", ...rows] = renderWorkers(stageColumns, workers).split("\n");
  const tableWidth = Math.max(head.length, ...rows.map((row) => row.length)) + 2;
  const beside = columns - tableWidth >= narrowestStrip;
  const width = Math.max(1, Math.min(widestStrip, beside ? columns - tableWidth : columns - 2));
  const strip = ({ workerId }: WorkerStatus__Output): string =>
    stageStrip(history.of(workerId), nowMs, width, paint);
  const title = "LAST MINUTE";
  if (beside) {
    return [
      paint("faint", `${head.padEnd(tableWidth)}${title}`),
      ...rows.map(
        (row, index) => `${row.padEnd(tableWidth)}${strip(workers[index] as WorkerStatus__Output)}`,
      ),
    ];
  }
  return [
    paint("faint", head),
    ...rows.flatMap((row, index) => [row, `  ${strip(workers[index] as WorkerStatus__Output)}`]),
  ];
}

function meter(share: number, paint: Paint): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * meterColumns);
  const colour = share > 0.9 ? "yellow" : "green";
  return `${paint(colour, "█".repeat(full))}${paint("faint", "░".repeat(meterColumns - full))}`;
}
