import { expect, test } from "vitest";
import { atLeast, atMost, verdictOf, withUnit } from "./figure.js";
import { figureTable, suiteMarkdown } from "./render-suite.js";
import type { ScenarioResult } from "./scenario.js";

const machineBefore = {
  processor: "A CPU",
  cores: 2,
  totalBytes: 2 ** 33,
  freeBytes: 2 ** 32,
  loadAverage: 0.5,
  busyCores: 0.25,
  node: "v20",
};
const ratio = { name: "rate", reached: 1.8, unit: "x", detail: "18 and 10 tok/s" };
const result: ScenarioResult = {
  name: "one",
  title: "One",
  machineBefore,
  figures: [atLeast(1.7, ratio), atMost(0.3, { ...ratio, name: "hop", reached: 0.42, unit: "ms" })],
  columns: [],
  stages: [],
  notes: ["A note."],
};

test("a figure is reached on the right side of its target, and unknown when it was not measured", () => {
  expect(verdictOf(atLeast(1.7, { ...ratio, reached: 1.7 }))).toBe("reached");
  expect(verdictOf(atLeast(1.7, { ...ratio, reached: 1.69 }))).toBe("missed");
  expect(verdictOf(atMost(2, { ...ratio, reached: 2 }))).toBe("reached");
  expect(verdictOf(atMost(2, { ...ratio, reached: 2.1 }))).toBe("missed");
  expect(verdictOf(atMost(2, { ...ratio, reached: Number.NaN }))).toBe("not measured");
});

test("values have their unit and no more digits than they are worth", () => {
  expect(withUnit(1.6789, "x")).toBe("1.68x");
  expect(withUnit(20_000, "tok/s")).toBe("20,000 tok/s");
  expect(withUnit(Number.NaN, "ms")).toBe("–");
});

test("the table tells target, reached and verdict", () => {
  const [, , first, second] = figureTable([result]).split("\n");
  expect(first).toMatch(/\| rate +\| +at least 1\.7x \| +1\.8x \| reached \| 18 and 10 tok\/s \|/);
  expect(second).toMatch(/\| hop +\| +at most 0\.3 ms \| 0\.42 ms \| +missed \|/);
});

test("the report says how it was run, and that a scaled run means nothing", () => {
  const facts = {
    version: "1",
    model: "m",
    variant: "f32",
    rounds: 3,
    scale: 1,
    startedAt: "now",
    command: "x",
  };
  const text = suiteMarkdown([result], facts);
  expect(text).toContain("medians of 3 rounds");
  expect(text).toContain("4.0 of 8.0 GiB free, load average 0.50, 0.25 cores busy with other things");
  expect(text).toContain("- A note.");
  expect(text).not.toContain("mean nothing");
  expect(suiteMarkdown([result], { ...facts, scale: 0.5 })).toContain("mean nothing");
});
