import { expect, test } from "vitest";
import { TimeShares } from "./time-shares.js";

const times = (busyMs: number, waitInMs: number) => ({ busyMs, waitInMs, waitOutMs: 0, sendMs: 0 });

test("shares are differences over the span of the reports", () => {
  const shares = new TimeShares();
  expect(shares.current()).toEqual({ busy: 0, waitIn: 0, waitOut: 0, send: 0 });
  shares.report(times(100, 900), 0);
  shares.report(times(850, 1150), 1000);
  expect(shares.current()).toEqual({ busy: 0.75, waitIn: 0.25, waitOut: 0, send: 0 });
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
