import { expect, test } from "vitest";
import { RateWindow } from "./rate-window.js";

test("counts are averaged over ten seconds and then forgotten", () => {
  const window = new RateWindow();
  window.add(40, 100_000);
  window.add(60, 104_500);
  expect(window.perSecond(105_000)).toBe(10);
  expect(window.perSecond(109_999)).toBe(10);
  expect(window.perSecond(110_000)).toBe(6);
  expect(window.perSecond(500_000)).toBe(0);
});
