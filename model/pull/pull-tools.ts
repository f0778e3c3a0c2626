import { spawn } from "node:child_process";
import { StagecoachError } from "../../common/errors.js";
import type { ModelSource } from "../source/model-source.js";
import { openModelSource } from "../source/open-source.js";
import { type Disk, isErrno, realDisk } from "../store/disk.js";

/** How a program ended. */
export interface ExecResult {
  readonly code: number;
  /** The last 64 KiB of stdout and stderr together. */
  readonly output: string;
}

/** What pulling needs from the world outside; a seam for tests. */
export interface PullTools {
  readonly fetch: typeof fetch;
  /** Runs a program to its end. @throws StagecoachError NOT_FOUND when there is no such program. */
  exec(command: string, args: readonly string[], signal: AbortSignal): Promise<ExecResult>;
  openSource(path: string): Promise<ModelSource>;
  readonly disk: Disk;
  /** How long the hub may take to begin an answer. Defaults to 5,000. */
  readonly connectTimeoutMs?: number;
  /** Waits before another attempt. Defaults to time. */
  readonly wait?: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

/** The real world. */
export const realTools: PullTools = {
  fetch: (...request) => fetch(...request),
  exec: runProgram,
  openSource: openModelSource,
  disk: realDisk,
};

const keptOutputLength = 65_536;

function runProgram(command: string, args: readonly string[], signal: AbortSignal): Promise<ExecResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], signal });
    let output = "";
    const keep = (text: string) => {
      output = (output + text).slice(-keptOutputLength);
    };
    child.stdout.setEncoding("utf8").on("data", keep);
    child.stderr.setEncoding("utf8").on("data", keep);
    child.on("error", (error) => {
      const absent = isErrno(error, "ENOENT");
      reject(
        absent
          ? new StagecoachError("NOT_FOUND", `there is no program ${command} here`, { cause: error })
          : StagecoachError.from(error),
      );
    });
    child.on("close", (code) => resolve({ code: code ?? 1, output }));
  });
}
