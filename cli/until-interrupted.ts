import { StagecoachError } from "../common/errors.js";

/**
 * Ends work tidily on the first Ctrl-C; a second one ends the process at once.
 * @param then what the same command does when it is given again
 */
export async function untilInterrupted<Result>(
  then: string,
  body: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort(new StagecoachError("CANCELLED", `interrupted: ${then}`));
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, interrupt);
  try {
    return await body(interrupted.signal);
  } finally {
    for (const name of ["SIGINT", "SIGTERM"] as const) process.off(name, interrupt);
  }
}
