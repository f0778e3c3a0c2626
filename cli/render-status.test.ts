import { expect, test } from "vitest";
import type { ReplicaStatus__Output } from "../proto/gen/stagecoach/v1/ReplicaStatus.js";
import type { WorkerStatus__Output } from "../proto/gen/stagecoach/v1/WorkerStatus.js";
import {
  stageState as stage,
  servingStatus as status,
  workerStatus as worker,
} from "../test/fixtures/cluster-status.js";
import { renderStatus } from "./render-status.js";

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
  expect(lines.at(-3)).toMatch(
    /75 %\s+20 %\s+10 %\s+0 %\s+5 %\s+1\.0 KiB\s+3\/64\s+0\.42 ms\s+1\.0 MiB\s+cpu x2\s+127/,
  );
});

test("without workers there are the cluster's lines alone", () => {
  const text = renderStatus(status);
  expect(text).toContain("local, stagecoach 0.1.0, up 01:02:05");
  expect(text).toContain("SERVING: serving with 2 stages");
  expect(text).toContain("12.3 tok/s generated");
  expect(text).toContain("lanes     8 + 120 tokens read, 7");
  expect(text).toContain("events    off: no NATS");
  expect(text).not.toContain("WORKER");
});

test("a stage that failed says why", () => {
  const failed = { ...worker, stage: { ...stage, state: "FAILED" as const, error: "no room" } };
  expect(renderStatus({ ...status, workers: [failed] })).toContain("FAILED: no room");
});

test("what was achieved stands beside what was predicted, where something was", () => {
  const decodeRates = [
    { concurrency: 1, predictedTokensPerSecond: 50, achievedSeconds: 0 },
    { concurrency: 16, predictedTokensPerSecond: 400, achievedTokensPerSecond: 380, achievedSeconds: 9 },
  ];
  expect(renderStatus({ ...status, decodeRates }).match(/^decoding.*/gm)).toEqual([
    "decoding  16 at once: 380.0 tok/s, 400.0 predicted (95 %)",
  ]);
});

test("several replicas have a line each, and their workers stand together", () => {
  const replica = (index: number, stateDetail: string): ReplicaStatus__Output => ({
    replica: index,
    epoch: 1,
    state: "SERVING",
    stateDetail,
    requestsRunning: index,
    requestsWaiting: 0,
    blocksUsed: 3,
    blocksTotal: 64,
    laneCount: 1,
    blockSize: index === 0 ? 16 : 256,
  });
  const replicas = [replica(0, "serving with 1 stages"), replica(1, "waiting for workers: 0 of 1 joined")];
  const workers = [
    { ...worker, workerId: "w1", replica: 1 },
    { ...worker, workerId: "w0", replica: 0 },
  ];
  const lines = renderStatus({ ...status, replicas, workers }).split("\n");
  expect(lines.filter((line) => line.startsWith("replica"))).toEqual([
    "replica 0 serving with 1 stages; 0 running, 0 waiting, 3 of 64 blocks",
    "replica 1 waiting for workers: 0 of 1 joined; 1 running, 0 waiting, 3 of 64 blocks",
  ]);
  expect(lines).toContainEqual(expect.stringMatching(/^KV cache .* blocks of 16 or 256 tokens$/));
  expect(lines.slice(-2).map((line) => line.trim().split(/\s+/).slice(0, 3))).toEqual([
    ["0", "0", "w0"],
    ["1", "0", "w1"],
  ]);
});
