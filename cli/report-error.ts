import { CommanderError } from "commander";
import { StagecoachError } from "../common/errors.js";
import { reportFailure } from "../common/parent-watch.js";

/** Exit codes: done, failed, wrong use. */
const exitCodes = { done: 0, failed: 1, wrongUse: 2 } as const;

/**
 * The one place where a command's error is shown: what went wrong and the way out on stderr, with the
 * causes below it when asked for.
 * @returns the exit code
 */
export function reportError(reason: unknown, verbose: boolean): number {
  // Commander has said what is wrong already; help and version are no errors.
  if (reason instanceof CommanderError) return reason.exitCode === 0 ? exitCodes.done : exitCodes.wrongUse;
  const error = StagecoachError.from(reason);
  reportFailure(error.code, error.message);
  process.stderr.write(`stagecoach: ${error.message}\n`);
  if (verbose) process.stderr.write(describeCauses(error));
  else if (error.code === "UNKNOWN" || error.code === "INTERNAL")
    process.stderr.write("--verbose shows where.\n");
  return error.code === "INVALID_ARGUMENT" ? exitCodes.wrongUse : exitCodes.failed;
}

/** Longest chain shown; an error that is its own cause has no end. */
const maxCauses = 10;

function describeCauses(error: Error): string {
  const lines = [`  ${error.stack ?? error.message}`];
  let cause = error.cause;
  for (let depth = 0; cause !== undefined && depth < maxCauses; depth++) {
    lines.push(`caused by ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`);
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return `${lines.join("\n")}\n`;
}
