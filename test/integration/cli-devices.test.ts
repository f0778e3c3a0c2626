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

test("a list on the same machine listens on as many ports", async () => {
  const flags = ["--device", "simulated,simulated,cpu", "--join", "127.0.0.1:1", "--worker-id", "three"];
  const worker = startCli(["worker", ...flags], { scope, home: await newHome(scope), env });
  const [, addresses = ""] = await worker.says(/listens on (.*), joining 127\.0\.0\.1:1/);
  expect(new Set(addresses.split(", ")).size).toBe(3);
});

test("a list that cannot be is refused before anything is left running", async () => {
  const refusal = async (...flags: string[]) => {
    const { code, stderr } = await runCli(["worker", ...flags], { scope, home: await newHome(scope), env });
    expect(code).not.toBe(0);
    expect(stderr).not.toMatch(/^\s+at /m);
    return stderr;
  };
  if (process.platform === "linux") {
    expect(await refusal("--device", "cpu,cuda:1")).toMatch(/--device cuda:1: .*install NVIDIA's driver/);
    expect(await refusal("--device", "cuda:all")).toMatch(/--device cuda: .*install NVIDIA's driver/);
  }
  expect(await refusal("--device", "cpu,cpu", "--listen", "127.0.0.1:65535")).toMatch(
    /--listen 127\.0\.0\.1:65535: each device takes a port from that one on/,
  );
});
