import { expect, test } from "vitest";
import { parseDevice } from "../device-name.js";
import { chooseWebgpu, type WebGpuLooks } from "./choose-adapter.js";

const adapters = [
  { name: "NVIDIA GeForce RTX 3080", environment: { VK_DRIVER_FILES: "/nvidia.json" } },
  { name: "Intel(R) UHD Graphics", environment: { VK_DRIVER_FILES: "/intel.json" } },
  { name: "Intel(R) HD 4000", environment: { VK_DRIVER_FILES: "/hasvk.json" }, problem: "no float16" },
];

function looks(change: Partial<WebGpuLooks> = {}): WebGpuLooks {
  return {
    platform: "linux",
    webgpu: async () => ({ adapter: "NVIDIA GeForce RTX 3080" }),
    webgpuAdapters: async () => ({ adapters }),
    ...change,
  };
}

const choose = (name: string, change: Partial<WebGpuLooks> = {}) =>
  chooseWebgpu(parseDevice(name), looks(change));

test("without a number it is what WebGPU takes, by its name where that is told", async () => {
  expect(await choose("webgpu")).toEqual({
    device: "webgpu",
    adapter: "NVIDIA GeForce RTX 3080",
    reason: "computes on webgpu, NVIDIA GeForce RTX 3080",
  });
  expect(await choose("webgpu", { webgpu: async () => ({}) })).toEqual({ device: "webgpu" });
});

test.each(["webgpu:1", "webgpu:UHD", "webgpu:intel-r-uhd"])("%s takes that one", async (name) => {
  expect(await choose(name)).toEqual({
    device: "webgpu",
    deviceIndex: 1,
    adapter: "Intel(R) UHD Graphics",
    environment: { VK_DRIVER_FILES: "/intel.json" },
    reason: "computes on webgpu:1, Intel(R) UHD Graphics",
  });
});

const none = { webgpuAdapters: async () => ({ adapters: [] }) };
const broken = { webgpuAdapters: async () => ({ adapters: [], problem: "No supported adapters" }) };

test.each<[string, Partial<WebGpuLooks>, RegExp]>([
  [
    "webgpu:3",
    {},
    /^--device webgpu:3: there is no such GPU: take webgpu:0 \(NVIDIA GeForce RTX 3080\), webgpu:1/,
  ],
  [
    "webgpu:radeon",
    {},
    /^--device webgpu:radeon: there is no such GPU: take webgpu:0 .*, or take --device cpu$/,
  ],
  [
    "webgpu:intel",
    {},
    /could be webgpu:1 \(Intel.*UHD Graphics\) or webgpu:2 \(Intel.*HD 4000\): take a number/,
  ],
  ["webgpu:2", {}, /^--device webgpu:2: Intel\(R\) HD 4000 does not compute in float16 \(no float16\)/],
  [
    "webgpu:0",
    { ...none, platform: "win32" },
    /can be told on Linux only, on win32 the system chooses: take --device webgpu/,
  ],
  ["webgpu:0", none, /the Vulkan loader does not say which GPUs there are/],
  ["webgpu:0", broken, /finds no GPU .*No supported/],
  [
    "webgpu",
    { webgpu: async () => ({ problem: "No supported adapters" }) },
    /install a Vulkan driver for it, or take --device cpu$/,
  ],
])("%s is refused where it cannot be", async (name, change, message) => {
  await expect(choose(name, change)).rejects.toMatchObject({
    code: "FAILED_PRECONDITION",
    message: expect.stringMatching(message),
  });
});
