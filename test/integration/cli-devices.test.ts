import { afterAll, expect, test } from "vitest";
import { Scope } from "../fixtures/scope.js";
import { newHome, runCli, startCli } from "../fixtures/spawn-cli.js";

const scope = new Scope();
afterAll(() => scope.end());

/** No nvidia-smi, whatever this machine has. */
const env = { PATH: "/nowhere" };

test("auto without an NVIDIA GPU is the CPU, and the worker says so", async () => {
  const worker = startCli(["worker", "--join", "127.0.0.1:1"], { scope, home: await newHome(scope), env });
  await worker.says(/"device":"cpu","msg":"computes on the CPU: no NVIDIA GPU is here"/);
});

test.each([
  ["cuda:1", env, /--device cuda:1: .*install NVIDIA's driver, or take --device cpu$/m],
  ["webgpu", { VK_DRIVER_FILES: "/nowhere" }, /--device webgpu: .*install a Vulkan driver.*--device cpu$/m],
])("%s is refused where there is none, not replaced", async (device, variables, message) => {
  // Elsewhere WebGPU needs no Vulkan, and CUDA is not known.
  if (process.platform !== "linux") return;
  const home = await newHome(scope);
  const { code, stderr } = await runCli(["worker", "--device", device], { scope, home, env: variables });
  expect(stderr).toMatch(message);
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(code).toBe(1);
});
