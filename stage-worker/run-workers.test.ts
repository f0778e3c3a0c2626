import { expect, test } from "vitest";
import { temporaryHome } from "../test/fixtures/temporary-home.js";
import type { ChosenDevice } from "./choose-device.js";
import { runWorkers } from "./run-workers.js";

async function start(change: Partial<Parameters<typeof runWorkers>[0]>) {
  const home = await temporaryHome();
  const simulated: ChosenDevice = { device: "simulated" };
  const usual = { home, join: "127.0.0.1:1", listen: "127.0.0.1:0", workerId: "w", threads: 1 };
  return await runWorkers({ ...usual, devices: [simulated, simulated], logLevel: "silent", ...change });
}

test("two stages on WebGPU are refused, with the way out", async () => {
  await expect(
    start({ devices: [{ device: "webgpu" }, { device: "cpu" }, { device: "webgpu" }] }),
  ).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    message:
      "--device webgpu,cpu,webgpu: a process has one stage on WebGPU; start another worker for the second",
  });
});

test("a name has to have room for the numbers behind it", async () => {
  await expect(start({ workerId: "n".repeat(63) })).rejects.toThrow(/worker id "n{63}-0": use 1 to 64/);
});
