import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { DeviceProbeResult, ProbedProvider } from "./device-probe-process.js";

const timeoutMs = 30_000;

/** Whether WebGPU computes in float16 here; as `probeDevice`. */
export async function probeWebgpu(): Promise<string | undefined> {
  return await probeDevice("webgpu");
}

/**
 * Whether a provider of ONNX Runtime's computes in float16 here, by computing something: in a process of its own, for a
 * driver may crash, and a GPU that refuses one process may refuse it for good.
 * @returns why not, in ONNX Runtime's words; undefined where it does
 */
export async function probeDevice(provider: ProbedProvider): Promise<string | undefined> {
  const fromSource = import.meta.url.endsWith(".ts");
  const entry = fileURLToPath(new URL(`./device-probe-process.${fromSource ? "ts" : "js"}`, import.meta.url));
  const child = fork(entry, [JSON.stringify(provider)], {
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    execArgv: fromSource ? ["--import", "tsx"] : [],
    timeout: timeoutMs,
    killSignal: "SIGKILL",
  });
  let said = "";
  child.stderr?.on("data", (text: Buffer) => {
    said += text.toString();
  });
  let result: DeviceProbeResult | undefined;
  child.once("message", (message: DeviceProbeResult) => {
    result = message;
  });
  const problem = await new Promise<string | undefined>((resolve) => {
    child.once("error", (reason) => resolve(reason.message));
    child.once("close", (code, signal) => {
      resolve(result === undefined ? `trying it out ended with ${signal ?? `code ${code}`}` : result.problem);
    });
  });
  return problem && withLibrary(problem, said);
}

/** The loader names a library that it does not find on stderr only. */
export function withLibrary(problem: string, said: string): string {
  const missing = /(\S+\.so\S*): cannot open shared object file/.exec(said)?.[1];
  return missing === undefined || problem.includes(missing) ? problem : `${problem}: ${missing} is not found`;
}
