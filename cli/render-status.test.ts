import { expect, test } from "vitest";
import type { WorkerStatus__Output } from "../proto/gen/stagecoach/v1/WorkerStatus.js";
import { renderStatus } from "./render-status.js";

const stage = {
  state: "READY",
  epoch: 1,
  firstLayer: 0,
  endLayer: 16,
  blocksUsed: 3,
  blocksTotal: 64,
  sequences: 1,
  times: null,
  steps: 9,
  tokens: 20,
  hopP50Us: 420,
  hopP99Us: 900,
  error: "",
  weightBytes: 1024,
} as const;

const worker: WorkerStatus__Output = {
  workerId: "w0",
  incarnation: "a",
  address: "127.0.0.1:1",
  device: "cpu",
  threads: 2,
  stageIndex: 0,
  stage,
  freeMemoryBytes: 1,
  residentBytes: 2 ** 20,
  processId: 1,
  lastHeartbeatAgeMs: 1,
  busyShare: 0.75,
  waitInShare: 0.2,
  waitOutShare: 0,
  sendShare: 0.05,
};

const status = {
  cluster: "local",
  version: "0.1.0",
  epoch: 1,
  state: "SERVING",
  stateDetail: "serving with 2 stages",
  model: "m",
  variant: "f32",
  workers: [] as WorkerStatus__Output[],
  requestsRunning: 1,
  requestsWaiting: 0,
  blocksUsed: 3,
  blocksTotal: 64,
  generationTokensPerSecond: 12.34,
  promptTokensPerSecond: 0,
  events: "off: no NATS",
  uptimeSeconds: 3725.4,
  laneCount: 2,
};

test("workers stand in the pipeline's order, idle ones last", () => {
  const idle: WorkerStatus__Output = { ...worker, workerId: "idle", stage: null };
  delete idle.stageIndex;
  const second = {
    ...worker,
    workerId: "w1",
    stageIndex: 1,
    stage: { ...stage, firstLayer: 16, endLayer: 30 },
  };
  const lines = renderStatus({ ...status, workers: [idle, second, worker] }).split("\n");
  expect(lines.slice(-3).map((line) => line.trim().split(/\s+/).slice(0, 4))).toEqual([
    ["0", "w0", "0-15", "READY"],
    ["1", "w1", "16-29", "READY"],
    ["-", "idle", "-", "IDLE"],
  ]);
  expect(lines.at(-3)).toMatch(/75 %\s+20 %\s+0 %\s+5 %\s+3\/64\s+0\.42 ms\s+1\.0 MiB\s+cpu x2\s+127/);
});

test("without workers there are the cluster's lines alone", () => {
  const text = renderStatus(status);
  expect(text).toContain("local, stagecoach 0.1.0, up 01:02:05");
  expect(text).toContain("SERVING: serving with 2 stages");
  expect(text).toContain("12.3 tok/s generated");
  expect(text).toContain("events    off: no NATS");
  expect(text).not.toContain("WORKER");
});

test("a stage that failed says why", () => {
  const failed = { ...worker, stage: { ...stage, state: "FAILED" as const, error: "no room" } };
  expect(renderStatus({ ...status, workers: [failed] })).toContain("FAILED: no room");
});
