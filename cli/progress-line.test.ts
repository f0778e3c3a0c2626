import { expect, test } from "vitest";
import { createProgressLine } from "./progress-line.js";

function record(isTTY: boolean) {
  const written: string[] = [];
  const line = createProgressLine({ isTTY, columns: 12, write: (text) => written.push(text) });
  return { written, line };
}

test("a log gets a line a kind of progress, not one a number", () => {
  const { written, line } = record(false);
  for (const text of ["loading 1.5 %", "loading 20 %", "serving", "loading 3 %"]) line.say(text);
  line.end();
  expect(written).toEqual(["loading 1.5 %\n", "serving\n", "loading 3 %\n"]);
});

test("a terminal shows the newest sentence, cut to its width, and none at the end", () => {
  const { written, line } = record(true);
  line.end();
  line.say("a sentence that is too long");
  line.say("short");
  line.end();
  line.end();
  expect(written).toEqual(["\r\u001b[Ka sentence ", "\r\u001b[Kshort", "\r\u001b[K"]);
});
