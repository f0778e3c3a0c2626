import { expect, test } from "vitest";
import { deviceName, parseDevice } from "./device-name.js";

test.each(["cpu", "cuda:1", "webgpu", "webgpu:0", "webgpu:12", "simulated"])(
  "%s is read and named",
  (name) => {
    expect(deviceName(parseDevice(name))).toBe(name);
  },
);

test("cuda is its first GPU, and one of WebGPU's may be asked for by a part of its name", () => {
  expect(deviceName(parseDevice("cuda"))).toBe("cuda:0");
  expect(parseDevice("webgpu:RTX-3080")).toEqual({ device: "webgpu", adapter: "RTX-3080" });
});

test.each([
  "",
  "gpu",
  "cpu:0",
  "simulated:1",
  "cuda:",
  "cuda:radeon",
  "webgpu:",
  "webgpu:a b",
  "webgpu:1,cpu",
])("%j is no device", (name) => {
  expect(() => parseDevice(name)).toThrow(/^there is no device .*: take cpu, cuda, cuda:N, webgpu, webgpu:N/);
});
