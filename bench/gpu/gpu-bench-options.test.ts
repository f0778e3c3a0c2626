import { expect, test } from "vitest";
import { parseGpuBench } from "./gpu-bench-options.js";

const needed = ["--shape", "1b", "--home", "/h", "--output", "o.json"];

test("parts come in the report's order, whatever order they were asked for in", () => {
  const command = parseGpuBench([...needed, "--parts", "hf,one,engine", "--concurrency", "16,1"]);
  expect(command).toMatchObject({
    kind: "measure",
    options: {
      parts: ["engine", "hf", "one"],
      concurrencies: [1, 16],
      device: "cuda",
      variant: "f16",
      budgetSeconds: 540,
    },
  });
});

test.each([
  [["--shape", "2b"], /--shape is "2b": give tiny, 135m/],
  [[...needed, "--parts", "one,three"], /--parts is "three": give engine, hf/],
  [[...needed, "--concurrency", "1,0"], /--concurrency is "0"/],
  [[...needed, "--variant", "f8"], /--variant is "f8": give as-is/],
  [[...needed, "--speed", "1"], /--speed/],
])("%j is refused with what is allowed", (args, message) => {
  expect(() => parseGpuBench(args)).toThrow(message);
});

test("a report's tables need nothing else", () => {
  expect(parseGpuBench(["--table", "o.json"])).toEqual({ kind: "table", path: "o.json" });
});
