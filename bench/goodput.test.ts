import { expect, test } from "vitest";
import { goodput, parseLimit } from "./goodput.js";

const steady = { startMs: 0, promptTokens: 1, tokensMs: [100, 150, 200, 250] };
const halting = { startMs: 0, promptTokens: 1, tokensMs: [100, 110, 120, 250] };
const late = { startMs: 0, promptTokens: 1, tokensMs: [900, 910, 920, 1000] };
const all = [steady, halting, late];

test("a request is good when it keeps every limit", () => {
  expect(goodput(all, {})).toEqual({ good: 3, requests: 3, goodPerSecond: 3 });
  expect(goodput(all, { ttft: 500 }).good).toBe(2);
  expect(goodput(all, { itl: 60 }).good).toBe(1);
  expect(goodput(all, { itl: 80 }).good).toBe(2);
  expect(goodput(all, { tpot: 45 }).good).toBe(1);
  expect(goodput(all, { e2el: 250 }).good).toBe(2);
  expect(goodput(all, { ttft: 500, itl: 60 }).good).toBe(1);
});

test("limits are written as name and milliseconds", () => {
  expect(parseLimit("ttft:500")).toEqual({ ttft: 500 });
  expect(parseLimit("itl:99.5")).toEqual({ itl: 99.5 });
  for (const text of ["ttft", "ttft:", "foo:1", "ttft:-1", "ttft:1x"])
    expect(parseLimit(text)).toBeUndefined();
});
