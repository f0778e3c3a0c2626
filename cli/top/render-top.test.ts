import { expect, test } from "vitest";
import { servingStatus, stageState, workerStatus } from "../../test/fixtures/cluster-status.js";
import { createPaint, cut, widthOf } from "./paint.js";
import { renderTop, type TopFrame } from "./render-top.js";
import { StageHistory } from "./stage-history.js";

const second = {
  ...workerStatus,
  workerId: "w1",
  stageIndex: 1,
  stage: { ...stageState, firstLayer: 16, endLayer: 30 },
};
const idle = { ...workerStatus, workerId: "idle" };
delete (idle as { stageIndex?: number }).stageIndex;
const status = { ...servingStatus, workers: [second, idle, workerStatus] };
const frame: TopFrame = {
  status,
  history: new StageHistory(),
  nowMs: 0,
  columns: 160,
  paint: createPaint(false),
};

test("a frame tells rates, queue, KV, lanes and the stages in order", () => {
  const text = renderTop(frame).join("\n");
  expect(text).toMatch(/tokens\/s +12\.3 generated +0\.0 of prompts/);
  expect(text).toMatch(/requests +1 running +0 waiting/);
  expect(text).toMatch(/KV cache +█░+ 3 of 64 blocks$/m);
  expect(text).toContain("lanes      [8 + 120] [7]");
  expect(text).toMatch(/^ +0 +w0 +0-15 +75 % +20 % +0 % +5 % +10 % +0\.42 ms +1\.0 MiB/m);
  expect(text.indexOf("w0")).toBeLessThan(text.indexOf("w1"));
  expect(text).not.toContain("idle");
  expect(text).not.toContain("prefixes");
});

test("prefix hits are told once prompts were looked up, lanes by pipeline where there are several", () => {
  const more = {
    ...status,
    prefixQueries: 2000,
    prefixHits: 500,
    blocksCached: 9,
    lanes: status.lanes.map((lane, replica) => ({ ...lane, replica })),
  };
  const text = renderTop({ ...frame, status: more }).join("\n");
  expect(text).toContain("25 % of 2,000 prompt tokens found");
  expect(text).toContain("9 more kept for prefixes");
  expect(text).toMatch(/^lanes of 0 \[8 \+ 120\].*\nlanes of 1 \[7\]/m);
});

test.each([40, 79, 80, 110, 200])("no line is longer than %d columns, with colours or without", (columns) => {
  for (const colours of [false, true]) {
    for (const line of renderTop({ ...frame, columns, paint: createPaint(colours) }))
      expect(widthOf(line)).toBeLessThanOrEqual(columns);
  }
});

test("strips stand below the rows where there is no room beside them, and lines end with the terminal", () => {
  const wide = renderTop(frame);
  expect(renderTop({ ...frame, columns: 80 })).toHaveLength(wide.length + 2);
  expect(renderTop({ ...frame, rows: 4 })).toHaveLength(4);
});

test("cutting counts what is seen and keeps colours closed", () => {
  expect(cut("\u001b[31mabcdef\u001b[0mgh", 3)).toBe("\u001b[31mabc\u001b[0m");
  expect(cut("abc", 3)).toBe("abc");
});
