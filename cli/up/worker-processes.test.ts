import { expect, test } from "vitest";
import { compileConfig } from "../../common/config.js";
import { upSettings } from "./up-settings.js";
import { workerProcesses } from "./worker-processes.js";

function processesOf(flags: Record<string, string>) {
  const options = { flags: { home: "/nowhere", ...flags }, environment: {}, folder: "/nowhere" };
  const processes = workerProcesses(compileConfig(upSettings, options));
  return processes.map(({ workerId, devices }) => `${workerId}: ${devices.join(",")}`);
}

test("one device has a process a stage", () => {
  expect(processesOf({ device: "cpu" })).toEqual(["w0: cpu", "w1: cpu"]);
  expect(processesOf({ device: "cuda:1", stages: "1", replicas: "2" })).toEqual(["w0: cuda:1", "w1: cuda:1"]);
});

test("NVIDIA GPUs of a list are in one process, what else it names has one each", () => {
  expect(processesOf({ device: "cuda:0,cpu,cuda:1,cuda:1", stages: "4" })).toEqual([
    "w0: cuda:0,cuda:1,cuda:1",
    "w1: cpu",
  ]);
  expect(processesOf({ device: "cpu,cuda:0,simulated", stages: "3" })).toEqual([
    "w0: cpu",
    "w1: cuda:0",
    "w2: simulated",
  ]);
});

test("replicas do not share a process", () => {
  expect(processesOf({ device: "cuda:0,cuda:1", stages: "1", replicas: "2" })).toEqual([
    "w0: cuda:0",
    "w1: cuda:1",
  ]);
});
