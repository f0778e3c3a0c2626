import { expect, test } from "vitest";
import { TimeShares } from "./time-shares.js";

const times = (busyMs: number, waitInMs: number) => ({ busyMs, waitInMs, waitOutMs: 0, sendMs: 0 });

test("shares are differences over the span of the reports", () => {
  const shares = new TimeShares();
  expect(shares.current()).toEqual({ busy: 0, waitIn: 0, waitOut: 0, send: 0, bubble: 0 });
  shares.report(times(100, 900), 0);
  shares.report(times(850, 1150), 1000);
  expect(shares.current()).toEqual({ busy: 0.75, waitIn: 0.25, waitOut: 0, send: 0, bubble: 0 });
});

test("reports older than ten seconds are forgotten", () => {
  const shares = new TimeShares();
  for (let second = 0; second <= 10; second++) shares.report(times(second * 1000, 0), second * 1000);
  for (let second = 11; second <= 20; second++)
    shares.report(times(10_000, (second - 10) * 1000), second * 1000);
  expect(shares.current().waitIn).toBe(1);
});

test("totals that shrink start a new account", () => {
  const shares = new TimeShares();
  shares.report(times(5000, 5000), 0);
  shares.report(times(10, 90), 1000);
  expect(shares.current().busy).toBe(0);
  shares.report(times(110, 190), 2000);
  expect(shares.current().busy).toBe(0.5);
});

test("a bubble is waiting while the pipeline has work, not while it has none", () => {
  const shares = new TimeShares();
  shares.report(times(0, 0), 0, 0);
  // 300 ms busy; work was under way for 500 of 1,000 ms, so 200 of the 700 waited ones are bubbles.
  shares.report(times(300, 700), 1000, 500);
  expect(shares.current()).toMatchObject({ busy: 0.3, waitIn: 0.7 });
  expect(shares.current().bubble).toBeCloseTo(0.2);
});

test("reports that are not quite at the same time make no bubble below nothing or above the waiting", () => {
  const shares = new TimeShares();
  shares.report(times(0, 0), 0, 0);
  shares.report(times(900, 100), 1000, 880);
  expect(shares.current().bubble).toBe(0);
  shares.report(times(900, 200), 1000, 1300);
  expect(shares.current().bubble).toBe(shares.current().waitIn);
});
