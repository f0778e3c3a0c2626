import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { WebgpuProbeResult } from "./webgpu-probe-process.js";

const timeoutMs = 30_000;

/**
 * Whether WebGPU computes in float16 here, by computing something: in a process of its own, for a driver may crash,
 * and says on stderr whatever it likes.
 * @returns why not; undefined where it does
 */
export async function probeWebgpu(): Promise<string | undefined> {
  const fromSource = import.meta.url.endsWith(".ts");
  const entry = fileURLToPath(new URL(`./webgpu-probe-process.${fromSource ? "ts" : "js"}`, import.meta.url));
  const child = fork(entry, {
    stdio: ["ignore", "ignore", "ignore", "ipc"],
    execArgv: fromSource ? ["--import", "tsx"] : [],
    timeout: timeoutMs,
    killSignal: "SIGKILL",
  });
  return await new Promise((resolve) => {
    child.once("message", (result: WebgpuProbeResult) => resolve(result.problem));
    child.once("error", (reason) => resolve(reason.message));
    child.once("exit", (code, signal) => resolve(`trying it out ended with ${signal ?? `code ${code}`}`));
  });
}
