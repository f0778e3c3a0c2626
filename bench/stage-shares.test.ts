import { expect, test } from "vitest";
import { servingStatus, stageState, workerStatus } from "../test/fixtures/cluster-status.js";
import { stageShares } from "./stage-shares.js";
import { slowestHopMs } from "./status-sampler.js";

const status = (busyMs: number, waitInMs: number, inFlightMs: number) => ({
  ...servingStatus,
  inFlightMs,
  workers: [
    { ...workerStatus, stage: { ...stageState, times: { busyMs, waitInMs, waitOutMs: 0, sendMs: 0 } } },
  ],
});

test("shares are of the time between, and a bubble is waiting while work was under way", () => {
  const [shares] = stageShares(status(1000, 1000, 0), status(1300, 1700, 600));
  expect(shares).toMatchObject({ stageIndex: 0, workerId: "w0", busy: 0.3, waitIn: 0.7, hopP50Ms: 0.42 });
  expect(shares?.bubble).toBeCloseTo(0.3);
});

test("stages that told nothing new are left out", () => {
  expect(stageShares(status(10, 10, 0), status(10, 10, 0))).toEqual([]);
  expect(stageShares(servingStatus, status(10, 10, 0))).toEqual([]);
});

test("the slowest hop is the largest of the stages' medians", () => {
  const hop = (workerId: string, hopP50Us: number) => ({
    ...workerStatus,
    workerId,
    stage: { ...stageState, hopP50Us },
  });
  const samples = [300, 900, 400].map((us) => ({
    ...servingStatus,
    workers: [hop("w0", us), hop("w1", 100), hop("w2", 0)],
  }));
  expect(slowestHopMs(samples)).toBe(0.4);
  expect(slowestHopMs([])).toBeNaN();
});
