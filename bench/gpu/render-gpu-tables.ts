import { markdownTable } from "../markdown-table.js";
import type { ClusterRound, ClusterRun, GpuReport, PartReport } from "./gpu-report.js";
import type { MemoryReport } from "./memory-report.js";

/** A report's medians as Markdown: what it was made on, a comparison by requests at once, then a table a part. */
export function renderGpuTables(report: GpuReport): string {
  const parts = Object.entries(report.parts).flatMap(([name, part]) => partSection(name, part));
  return [headline(report), ...comparison(report), ...parts].join("\n\n");
}

function headline({
  machine,
  versions,
  shape,
  variant,
  device,
  workload,
  ended,
  startedAt,
}: GpuReport): string {
  const card =
    machine.gpu === undefined ? device : `${machine.gpu.name} (${device}), driver ${machine.gpu.driver}`;
  const { promptTokens, outputTokens, rounds } = workload;
  return (
    `${card}; ${machine.cores} processors, ${machine.processor}; Node ${machine.node}, ONNX Runtime ` +
    `${versions.onnxruntimeNode}, commit ${versions.commit ?? "unknown"}. Shape ${shape}, ${variant}; ${promptTokens} ` +
    `tokens in, ${outputTokens} out; medians of ${rounds} rounds; ${startedAt}, ${ended}.`
  );
}

/** Everything that has a row for so many requests at once, side by side, tok/s. */
function comparison({ limit, parts }: GpuReport): string[] {
  const columns: (readonly [title: string, rate: (rows: number) => number | undefined])[] = [
    ["limit", (rows) => limit?.steps.find((step) => step.rows === rows)?.tokensPerSecond],
    ["engine", (rows) => engineRates(parts.engine).get(rows)],
    ...(["one", "http", "two", "two-in-one", "four", "four-in-one", "mixed", "cards"] as const).flatMap(
      (name) => [
        [`${name}, decoding`, clusterRate(parts[name], "decodeTokensPerSecond")] as const,
        [`${name}, whole`, clusterRate(parts[name], "wholeTokensPerSecond")] as const,
      ],
    ),
    ["HF, decoding", (rows) => hfRun(parts.hf, rows)?.decodeTokensPerSecond],
    ["HF, whole", (rows) => hfRun(parts.hf, rows)?.wholeTokensPerSecond],
  ];
  const counts = [
    ...new Set([
      ...(limit?.steps.map(({ rows }) => rows) ?? []),
      ...engineRates(parts.engine).keys(),
      ...Object.values(parts).flatMap(({ runs = [] }) => runs.map(({ requests }) => requests)),
      ...(parts.hf?.huggingFace?.runs.map(({ medians }) => medians.rows) ?? []),
    ]),
  ].sort((a, b) => a - b);
  const filled = columns.filter(([, rate]) => counts.some((rows) => rate(rows) !== undefined));
  if (filled.length === 0) return [];
  const head = ["at once, tok/s", ...filled.map(([title]) => title)];
  return [
    markdownTable(
      head,
      counts.map((rows) => [String(rows), ...filled.map(([, rate]) => whole(rate(rows)))]),
    ),
  ];
}

function engineRates(part: PartReport | undefined): Map<number, number> {
  const decodes = part?.engine?.decodes ?? [];
  return new Map(decodes.map(({ medians }) => [medians.rows, medians.tokensPerSecond]));
}

function clusterRate(part: PartReport | undefined, key: "decodeTokensPerSecond" | "wholeTokensPerSecond") {
  return (rows: number): number | undefined =>
    part?.runs?.find(({ requests }) => requests === rows)?.medians[key];
}

function hfRun(part: PartReport | undefined, rows: number) {
  return part?.huggingFace?.runs.find(({ medians }) => medians.rows === rows)?.medians;
}

function partSection(name: string, part: PartReport): string[] {
  const why = part.reason === undefined ? "" : `: ${part.reason}`;
  const title = `### ${name} (${part.state}${why}, ${part.seconds.toFixed(0)} s)`;
  return [
    title,
    ...(part.engine === undefined ? [] : engineTables(part.engine)),
    ...(part.cluster === undefined ? [] : [stagesLine(part.cluster)]),
    ...(part.runs === undefined ? [] : [runsTable(part.runs)]),
    ...(part.huggingFace === undefined ? [] : hfTables(part.huggingFace)),
    ...(part.memory === undefined ? [] : [memoryTable(part.memory)]),
  ];
}

function engineTables({ decodes, prefills, openSeconds }: NonNullable<PartReport["engine"]>): string[] {
  return [
    `Opened in ${openSeconds.toFixed(1)} s.`,
    markdownTable(
      ["rows", "tok/s", "step p50 / p99, ms", "GPU busy"],
      decodes.map(({ medians: { rows, tokensPerSecond, stepP50Ms, stepP99Ms, gpu } }) => [
        String(rows),
        whole(tokensPerSecond),
        `${tenths(stepP50Ms)} / ${tenths(stepP99Ms)}`,
        percent(gpu?.busyShare),
      ]),
    ),
    markdownTable(
      ["prefill, tokens", "ms", "tok/s"],
      prefills.map(({ medians: { tokens, ms, tokensPerSecond } }) => [
        String(tokens),
        tenths(ms),
        whole(tokensPerSecond),
      ]),
    ),
  ];
}

function stagesLine({ stages, startSeconds, blockSizeTokens }: NonNullable<PartReport["cluster"]>): string {
  const layers = stages.map(
    ({ workerId, device, firstLayer, endLayer }) =>
      `${workerId} on ${device} layers ${firstLayer}:${endLayer}`,
  );
  return `${layers.join(", ")}; blocks of ${blockSizeTokens} tokens; serving after ${startSeconds.toFixed(1)} s.`;
}

const runColumns: readonly (readonly [title: string, cell: (round: ClusterRound) => string])[] = [
  ["whole, tok/s", (round) => whole(round.wholeTokensPerSecond)],
  ["decoding, tok/s", (round) => whole(round.decodeTokensPerSecond)],
  ["prefill, tok/s", (round) => whole(round.prefillTokensPerSecond)],
  ["TTFT p50, ms", (round) => tenths(round.ttftP50Ms)],
  [
    "between tokens p50 / p99, ms",
    (round) => `${tenths(round.interTokenP50Ms)} / ${tenths(round.interTokenP99Ms)}`,
  ],
  ["stages busy", (round) => round.stages.map(({ busyShare }) => percent(busyShare)).join(", ")],
  ["hops p50, ms", (round) => round.stages.map(({ hopP50Ms }) => hundredths(hopP50Ms)).join(", ")],
  ["workers' loops", (round) => round.stages.map(({ eventLoopShare }) => percent(eventLoopShare)).join(", ")],
  ["coordinator's loop", (round) => percent(round.coordinator.eventLoopShare)],
  ["its CPU, s", (round) => hundredths(round.coordinator.cpuSeconds)],
  ["client's loop", (round) => percent(round.client.eventLoopShare)],
  ["GPU busy", (round) => percent(round.gpu?.busyShare)],
  ["power, W", (round) => whole(round.gpu?.powerWatts)],
];

function runsTable(runs: readonly ClusterRun[]): string {
  const head = [runs[0]?.front === "http" ? "over HTTP" : "over gRPC", ...runColumns.map(([title]) => title)];
  return markdownTable(
    head,
    runs.map(({ label, medians }) => [label, ...runColumns.map(([, cell]) => cell(medians))]),
  );
}

function hfTables({ versions, copyBytesPerSecond, runs }: NonNullable<PartReport["huggingFace"]>): string[] {
  const names = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const copies =
    copyBytesPerSecond === undefined
      ? []
      : [`copies within the GPU's memory read and write ${(copyBytesPerSecond / 1e12).toFixed(2)} TB/s`];
  return [
    `${[...names, ...copies].join(", ")}.`,
    markdownTable(
      ["sequences", "whole, tok/s", "decoding, tok/s", "TTFT, ms"],
      runs.map(({ medians }) => [
        String(medians.rows),
        whole(medians.wholeTokensPerSecond),
        whole(medians.decodeTokensPerSecond),
        tenths(medians.ttftMs),
      ]),
    ),
  ];
}

function memoryTable({ trials }: MemoryReport): string {
  return markdownTable(
    ["tried", "free, MiB", "computed", "failed", "told"],
    trials.map(({ name, freeBytes, computed, failed, reasons }) => [
      name,
      whole(freeBytes === undefined ? undefined : freeBytes / 2 ** 20),
      String(computed),
      String(failed),
      reasons.join("; "),
    ]),
  );
}

function whole(value: number | undefined): string {
  return value === undefined || !Number.isFinite(value) ? "–" : Math.round(value).toLocaleString("en-US");
}

function tenths(value: number | undefined): string {
  return value === undefined || !Number.isFinite(value) ? "–" : value.toFixed(1);
}

function hundredths(value: number | undefined): string {
  return value === undefined || !Number.isFinite(value) ? "–" : value.toFixed(2);
}

function percent(share: number | undefined): string {
  return share === undefined || !Number.isFinite(share) ? "–" : `${Math.round(100 * share)} %`;
}
