import { expect, test } from "vitest";
import { readMemory } from "../common/free-memory.js";
import { driverSays } from "../test/fixtures/fake-nvidia-smi.js";
import { deviceMemory } from "./device-memory.js";

const two = "0, 81559, 80000, 580.1, NVIDIA H100\n1, 24564, 1000, 580.1, NVIDIA RTX 4090";

test("each of several GPUs has memory of its own", async () => {
  driverSays(two);
  expect(await deviceMemory({ device: "cuda" })).toEqual({
    totalBytes: 81_559 * 2 ** 20,
    freeBytes: 80_000 * 2 ** 20,
  });
  expect((await deviceMemory({ device: "cuda", deviceIndex: 1 })).freeBytes).toBe(1000 * 2 ** 20);
});

test("a GPU that is not there is named with those that are", async () => {
  driverSays(two);
  await expect(deviceMemory({ device: "cuda", deviceIndex: 2 })).rejects.toThrow(
    /no CUDA device 2: .*cuda:0, cuda:1.*--device cpu/,
  );
  driverSays("strange");
  await expect(deviceMemory({ device: "cuda" })).rejects.toThrow(
    /no CUDA device 0: nvidia-smi says "strange"/,
  );
});

test("what has no memory of its own shares the machine's", async () => {
  const { totalBytes } = readMemory();
  expect((await deviceMemory({ device: "cpu" })).totalBytes).toBe(totalBytes);
});

test("WebGPU has the memory of the GPU that the driver lists", async () => {
  driverSays(two);
  expect(await deviceMemory({ device: "webgpu" })).toEqual({
    totalBytes: 24_564 * 2 ** 20,
    freeBytes: 1000 * 2 ** 20,
  });
});
