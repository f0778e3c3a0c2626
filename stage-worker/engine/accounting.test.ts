import { expect, test } from "vitest";
import { Accounting, type Activity, activities, timesAt } from "./accounting.js";

test("every moment belongs to the activity that was entered", () => {
  let nowUs = 1_000;
  const accounting = new Accounting(() => nowUs);
  nowUs = 1_250;
  expect(accounting.enter("busy")).toBe(1_250);
  nowUs = 2_250;
  accounting.enter("send");
  nowUs = 2_260;
  accounting.enter("waitOut");
  nowUs = 2_300;
  accounting.enter("waitIn");
  expect(accounting.finished()).toEqual({ waitIn: 250, busy: 1_000, send: 10, waitOut: 40 });
  expect(accounting.activity).toBe("waitIn");
});

test("entering the same activity again loses nothing", () => {
  let nowUs = 0;
  const accounting = new Accounting(() => nowUs);
  for (nowUs = 1; nowUs <= 10; nowUs++) accounting.enter("busy");
  expect(accounting.finished()).toEqual({ waitIn: 1, busy: 9, send: 0, waitOut: 0 });
});

test("the times sum to wall time exactly, at any moment of a long random life", () => {
  const startUs = 1_700_000_000_000_000;
  let nowUs = startUs;
  const accounting = new Accounting(() => nowUs);
  for (let round = 0; round < 100_000; round++) {
    nowUs += Math.floor(Math.random() * 50_000);
    accounting.enter(activities[Math.floor(Math.random() * 4)] as Activity);
    if (round % 1000 !== 0) continue;
    nowUs += 7;
    const { activity, sinceUs } = accounting;
    const times = timesAt({ times: accounting.finished(), activity, sinceUs }, nowUs);
    expect(times.busy + times.waitIn + times.waitOut + times.send).toBe(nowUs - startUs);
  }
});
