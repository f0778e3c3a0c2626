import { expect, test } from "vitest";
import { metricValue } from "./prometheus-text.js";

const text = [
  "# HELP a_total things",
  "a_total 3",
  'b{stage="0",worker="a b"} 1.5',
  'b{stage="1",worker="c"} 2',
  "b_total 100",
].join("\n");

test("a metric's series are added up, those of longer names are not", () => {
  expect(metricValue(text, "a_total")).toBe(3);
  expect(metricValue(text, "b")).toBe(3.5);
  expect(metricValue(text, "b", { worker: "c" })).toBe(2);
  expect(() => metricValue(text, "b", { worker: "d" })).toThrow("no metric b");
  expect(() => metricValue(text, "c")).toThrow("no metric c");
});
