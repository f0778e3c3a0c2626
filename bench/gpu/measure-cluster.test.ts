import { expect, test } from "vitest";
import { type GpuBenchOptions, parseGpuBench } from "./gpu-bench-options.js";
import { loadsOf } from "./measure-cluster.js";

function optionsOf(concurrency: string): GpuBenchOptions {
  const command = parseGpuBench([
    ...["--shape", "1b", "--home", "/h", "--output", "o.json", "--concurrency", concurrency],
  ]);
  if (command.kind !== "measure") throw new Error("nothing to measure");
  return command.options;
}

test("a CPU's stage is not asked for more than it makes in a while", () => {
  const requests = (part: "one" | "mixed", counts: string) =>
    loadsOf(part, optionsOf(counts)).map((load) => load.requests);
  expect(requests("one", "1,64,128,256")).toEqual([1, 64, 128, 256]);
  expect(requests("mixed", "1,64,128,256")).toEqual([1, 64]);
  expect(requests("mixed", "128,256")).toEqual([128]);
});

test("ways of sampling are compared with as many as there may be up to 128", () => {
  const loads = loadsOf("sampling", optionsOf("1,96,256"));
  expect(loads.map(({ requests }) => requests)).toEqual([96, 96, 96]);
  expect(loads.map(({ sampling }) => sampling)).toEqual([
    { temperature: 0 },
    { temperature: 1 },
    { temperature: 0.01, topP: 0.9 },
  ]);
});

test("a long prompt is alone", () => {
  expect(loadsOf("long-prompt", optionsOf("1,16"))).toMatchObject([{ requests: 1, promptTokens: 2048 }]);
});
