import { expect, test } from "vitest";
import { createPaint } from "./paint.js";
import type { StageMoment } from "./stage-history.js";
import { stageStrip } from "./stage-strip.js";

const moment = (atMs: number, more: Partial<StageMoment>): StageMoment => ({
  atMs,
  busy: 0,
  waitIn: 0,
  waitOut: 0,
  send: 0,
  ...more,
});
const plain = createPaint(false);

test("the newest part is at the right, and unknown ones are empty", () => {
  const moments = [moment(45_000, { busy: 0.5, waitIn: 0.5 }), moment(60_000, { busy: 1 })];
  expect(stageStrip(moments, 60_000, 4, plain)).toBe("  ▄█");
});

test("a part without computing shows what was done instead", () => {
  const moments = [
    moment(15_000, { waitIn: 1 }),
    moment(30_000, { waitOut: 0.9, waitIn: 0.1 }),
    moment(45_000, { send: 1 }),
    moment(60_000, { busy: 0.25, waitIn: 0.75 }),
  ];
  expect(stageStrip(moments, 60_000, 4, plain)).toBe("·os▂");
});

test("moments within a part are averaged, and colours tell what was done most", () => {
  const moments = [moment(30_500, { busy: 1 }), moment(60_000, { waitIn: 1 })];
  expect(stageStrip(moments, 60_000, 2, plain)).toBe(" ▄");
  const painted = stageStrip([moment(60_000, { busy: 0.4, waitOut: 0.6 })], 60_000, 1, createPaint(true));
  expect(painted).toBe("\u001b[33m▃\u001b[0m");
});
