import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { readMemory } from "../common/free-memory.js";
import { deviceMemory } from "./device-memory.js";

/** A driver's tool that says this, before all others on the path. */
function driverSays(text: string): void {
  const folder = mkdtempSync(join(tmpdir(), "stagecoach-smi-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const program = join(folder, "nvidia-smi");
  writeFileSync(program, `#!/bin/sh\ncat <<'END'\n${text}\nEND\n`);
  chmodSync(program, 0o755);
  // biome-ignore lint/style/noProcessEnv: the path that programs are looked up on
  vi.stubEnv("PATH", `${folder}${delimiter}${process.env["PATH"] ?? ""}`);
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
}

const two = "0, 81559, 80000, 580.1, NVIDIA H100\n1, 24564, 1000, 580.1, NVIDIA RTX 4090";

test("each of several GPUs has memory of its own", () => {
  driverSays(two);
  expect(deviceMemory({ device: "cuda" })).toEqual({
    totalBytes: 81_559 * 2 ** 20,
    freeBytes: 80_000 * 2 ** 20,
  });
  expect(deviceMemory({ device: "cuda", deviceIndex: 1 }).freeBytes).toBe(1000 * 2 ** 20);
});

test("a GPU that is not there is named with those that are", () => {
  driverSays(two);
  expect(() => deviceMemory({ device: "cuda", deviceIndex: 2 })).toThrow(
    /no CUDA device 2: .*cuda:0, cuda:1.*--device cpu/,
  );
  driverSays("strange");
  expect(() => deviceMemory({ device: "cuda" })).toThrow(/no CUDA device 0: nvidia-smi says "strange"/);
});

test("what has no memory of its own shares the machine's", () => {
  const { totalBytes } = readMemory();
  expect(deviceMemory({ device: "cpu" }).totalBytes).toBe(totalBytes);
});

test("WebGPU has the memory of the GPU that the driver lists", () => {
  driverSays(two);
  expect(deviceMemory({ device: "webgpu" })).toEqual({
    totalBytes: 24_564 * 2 ** 20,
    freeBytes: 1000 * 2 ** 20,
  });
});
