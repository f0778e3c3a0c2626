import { expect, test } from "vitest";
import { servingStatus, stageState, workerStatus } from "../../test/fixtures/cluster-status.js";
import { StageHistory } from "./stage-history.js";

const status = (busyMs: number, waitInMs: number) => ({
  ...servingStatus,
  workers: [
    { ...workerStatus, stage: { ...stageState, times: { busyMs, waitInMs, waitOutMs: 0, sendMs: 0 } } },
  ],
});

test("a moment is what changed between two statuses", () => {
  const history = new StageHistory();
  history.add(status(1000, 1000), 0);
  expect(history.of("w0")).toEqual([]);
  history.add(status(1400, 1100), 500);
  expect(history.of("w0")).toEqual([{ atMs: 500, busy: 0.8, waitIn: 0.2, waitOut: 0, send: 0 }]);
});

test("the same report twice, or a stage loaded anew, gives no moment", () => {
  const history = new StageHistory();
  history.add(status(1000, 1000), 0);
  history.add(status(1000, 1000), 500);
  history.add(status(10, 10), 1000);
  expect(history.of("w0")).toEqual([]);
  history.add(status(20, 20), 1500);
  expect(history.of("w0")).toHaveLength(1);
});

test("a minute is remembered", () => {
  const history = new StageHistory();
  for (let second = 0; second <= 100; second++) history.add(status(1000 * second, 0), 1000 * second);
  expect(history.of("w0")[0]?.atMs).toBe(40_000);
});
