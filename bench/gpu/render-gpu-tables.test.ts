import { expect, test } from "vitest";
import type { ClusterRound, GpuReport } from "./gpu-report.js";
import { renderGpuTables } from "./render-gpu-tables.js";

const round: ClusterRound = {
  durationMs: 1000,
  wholeTokensPerSecond: 1234.4,
  decodeTokensPerSecond: Number.NaN,
  prefillTokensPerSecond: 5000,
  ttftP50Ms: 7.25,
  ttftP99Ms: 9,
  interTokenP50Ms: 3.04,
  interTokenP99Ms: 4,
  stages: [
    {
      stageIndex: 0,
      workerId: "w0",
      busyShare: 0.5,
      sendShare: 0,
      hopP50Ms: 0.2,
      hopP99Ms: 1,
      eventLoopShare: 0.1,
    },
    {
      stageIndex: 1,
      workerId: "w1",
      busyShare: 0.25,
      sendShare: 0,
      hopP50Ms: 0.3,
      hopP99Ms: 1,
      eventLoopShare: 0,
    },
  ],
  coordinator: { eventLoopShare: 0.4, cpuSeconds: 0.5 },
  client: { eventLoopShare: 0.6, cpuSeconds: 0.7 },
};

const report: GpuReport = {
  schemaVersion: 1,
  startedAt: "2026-05-01T00:00:00.000Z",
  ended: "out of time",
  shape: "1b",
  variant: "f16",
  device: "cuda",
  workload: { promptTokens: 128, outputTokens: 128, rounds: 3 },
  machine: {
    processor: "A processor",
    cores: 16,
    totalBytes: 1,
    freeBytes: 1,
    loadAverage: 0,
    busyCores: 0,
    node: "v20.20.2",
    gpu: { name: "NVIDIA H100 80GB HBM3", driver: "580.1", totalBytes: 1 },
  },
  versions: { stagecoach: "0.1.0", onnxruntimeNode: "1.30.0" },
  limit: {
    memoryBytesPerSecond: 1,
    source: "data sheet",
    weightBytes: 1,
    kvBytesPerToken: 1,
    contextTokens: 192,
    steps: [{ rows: 16, bytesPerStep: 1, tokensPerSecond: 21_000 }],
  },
  parts: {
    two: {
      state: "cut short",
      reason: "the budget is used up",
      seconds: 12,
      runs: [
        {
          label: "16 at once",
          front: "grpc",
          requests: 16,
          promptTokens: 128,
          outputTokens: 128,
          medians: round,
          rounds: [round],
        },
      ],
    },
  },
};

test("what was measured stands beside the limit, what was not is left out or a dash", () => {
  const [head, comparison, title, runs] = renderGpuTables(report).split("\n\n");
  expect(head).toMatch(
    /^NVIDIA H100 80GB HBM3 \(cuda\), driver 580.1; 16 processors.*commit unknown.*out of time/,
  );
  expect(cellsOf(comparison)).toEqual([
    ["at once, tok/s", "limit", "two, decoding", "two, whole"],
    ["16", "21,000", "–", "1,234"],
  ]);
  expect(title).toBe("### two (cut short: the budget is used up, 12 s)");
  expect(cellsOf(runs)[1]).toEqual([
    ...["16 at once", "1,234", "–", "5,000", "7.3", "3.0 / 4.0", "50 %, 25 %", "0.20, 0.30", "10 %, 0 %"],
    ...["40 %", "0.50", "60 %", "–", "–"],
  ]);
});

test("what was asked of a full card stands with what it told", () => {
  const refused = { computed: 0, failed: 1, reasons: ["RESOURCE_EXHAUSTED: no room"], seconds: 1 };
  const trials = [
    { name: "start", freeBytes: 3 * 2 ** 20, ...refused },
    { name: "requests", computed: 8, failed: 0, reasons: [], seconds: 2 },
  ];
  const memory = { state: "complete", seconds: 3, memory: { trials } } as const;
  const { limit: _, ...card } = report;
  const [, title, table] = renderGpuTables({ ...card, parts: { memory } }).split("\n\n");
  expect(title).toBe("### memory (complete, 3 s)");
  expect(cellsOf(table)).toEqual([
    ["tried", "free, MiB", "computed", "failed", "told"],
    ["start", "3", "0", "1", "RESOURCE_EXHAUSTED: no room"],
    ["requests", "–", "8", "0", ""],
  ]);
});

/** Without the rule below the head. */
function cellsOf(table = ""): string[][] {
  const lines = table.split("\n").filter((_, index) => index !== 1);
  return lines.map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}
