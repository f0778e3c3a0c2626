import { type ChildProcess, fork } from "node:child_process";
import { mkdtemp, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { StagecoachError } from "../../../common/errors.js";
import type { DeviceProbeResult, ProbedProvider } from "./device-probe-process.js";

const timeoutMs = 30_000;

/** What became of a trial. */
export interface DeviceTrial {
  /** Why the provider does not compute, in ONNX Runtime's words; absent where it does. */
  readonly problem?: string;
  /** All that was written to stderr. */
  readonly said: string;
}

/**
 * Whether a provider of ONNX Runtime's computes in float16 here, by computing something: in a process of its own, for a
 * driver may crash, and a GPU that refuses one process may refuse it for good.
 * @returns why not, in ONNX Runtime's words; undefined where it does
 */
export async function probeDevice(provider: ProbedProvider): Promise<string | undefined> {
  return (await tryDevice(provider)).problem;
}

/** As `probeDevice`, in a process with these variables beside this one's. */
export async function tryDevice(
  provider: ProbedProvider,
  environment: Readonly<Record<string, string>> = {},
): Promise<DeviceTrial> {
  let folder: string | undefined;
  try {
    folder = await mkdtemp(join(tmpdir(), "stagecoach-trial-"));
    return await tryWith(provider, environment, join(folder, "stderr"));
  } catch (reason) {
    return { problem: `it cannot be tried out: ${StagecoachError.from(reason).message}`, said: "" };
  } finally {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }
}

/**
 * `path`: a file for stderr. Of what libraries write into a pipe of Node's, lines are lost while nobody reads it: on a
 * busy machine in 5 of 120 trials with the Vulkan loader's messages, in none of 318 with a file.
 */
async function tryWith(
  provider: ProbedProvider,
  environment: Readonly<Record<string, string>>,
  path: string,
): Promise<DeviceTrial> {
  const file = await open(path, "w");
  let problem: string | undefined;
  try {
    problem = await problemIn(startTrial(provider, environment, file.fd));
  } finally {
    await file.close();
  }
  const said = await readFile(path, "utf8");
  return problem === undefined ? { said } : { problem: withLibrary(problem, said), said };
}

function startTrial(
  provider: ProbedProvider,
  environment: Readonly<Record<string, string>>,
  stderr: number,
): ChildProcess {
  const fromSource = import.meta.url.endsWith(".ts");
  const entry = fileURLToPath(new URL(`./device-probe-process.${fromSource ? "ts" : "js"}`, import.meta.url));
  return fork(entry, [JSON.stringify(provider)], {
    stdio: ["ignore", "ignore", stderr, "ipc"],
    execArgv: fromSource ? ["--import", "tsx"] : [],
    // biome-ignore lint/style/noProcessEnv: what drivers and loaders are told goes on to it.
    env: { ...process.env, ...environment },
    timeout: timeoutMs,
    killSignal: "SIGKILL",
  });
}

async function problemIn(trial: ChildProcess): Promise<string | undefined> {
  let result: DeviceProbeResult | undefined;
  trial.once("message", (message: DeviceProbeResult) => {
    result = message;
  });
  return await new Promise<string | undefined>((resolve) => {
    trial.once("error", (reason) => resolve(reason.message));
    trial.once("close", (code, signal) => {
      resolve(result === undefined ? `trying it out ended with ${signal ?? `code ${code}`}` : result.problem);
    });
  });
}

/** The loader names a library that it does not find on stderr only. */
export function withLibrary(problem: string, said: string): string {
  const missing = /(\S+\.so\S*): cannot open shared object file/.exec(said)?.[1];
  return missing === undefined || problem.includes(missing) ? problem : `${problem}: ${missing} is not found`;
}
