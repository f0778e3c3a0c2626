import { expect, test } from "vitest";
import { parseTraceFile } from "./trace-file.js";

test("lines become requests in the order of their arrival", () => {
  const text =
    '{"arrivalMs":50,"promptTokens":3,"outputTokens":2}\n\n{"arrivalMs":0,"promptTokens":1,"outputTokens":9}\n';
  const trace = parseTraceFile(text, "a.jsonl", 5000);
  expect(
    trace.map(({ arrivalMs, promptIds, outputTokens }) => [arrivalMs, promptIds.length, outputTokens]),
  ).toEqual([
    [0, 1, 9],
    [50, 3, 2],
  ]);
});

test("a wrong line is named", () => {
  const good = '{"arrivalMs":0,"promptTokens":1,"outputTokens":9}';
  expect(() => parseTraceFile(`${good}\n{"arrivalMs":-1}`, "a.jsonl", 10)).toThrow(
    /line 2 of a.jsonl is no request: arrivalMs: /,
  );
  expect(() => parseTraceFile(`${good}\nx`, "a.jsonl", 10)).toThrow(/line 2 of a.jsonl.*JSON/);
  expect(() => parseTraceFile("\n", "a.jsonl", 10)).toThrow("a.jsonl has no requests");
});
