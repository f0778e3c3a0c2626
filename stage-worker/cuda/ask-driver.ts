import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { StagecoachError } from "../../common/errors.js";

const usualTimeoutMs = 10_000;

/**
 * What NVIDIA's driver answers, by its own tool, which is there wherever the driver is. It takes some tenths of a
 * second, in which the calling thread does other things.
 * @param question arguments of `nvidia-smi`
 * @param timeoutMs Defaults to 10,000
 * @throws StagecoachError NOT_FOUND without the tool, DEADLINE_EXCEEDED when it does not answer, UNAVAILABLE with what
 * it says when it fails
 */
export async function askDriver(question: readonly string[], timeoutMs = usualTimeoutMs): Promise<string> {
  // A tool that hangs in the driver does not die when it is killed; the signal ends waiting for it.
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const { stdout } = await promisify(execFile)("nvidia-smi", question, { signal });
    return stdout;
  } catch (cause) {
    const { code, message } = StagecoachError.from(cause);
    if (signal.aborted) {
      const seconds = timeoutMs / 1000;
      const hangs = `nvidia-smi gave no answer within ${seconds} s: the driver hangs, restart the machine`;
      throw new StagecoachError("DEADLINE_EXCEEDED", hangs, { cause });
    }
    if (code === "NOT_FOUND") {
      throw new StagecoachError(code, "NVIDIA's driver is not here (no nvidia-smi)", { cause });
    }
    throw new StagecoachError("UNAVAILABLE", `nvidia-smi fails: ${lastLine(cause) || message.trim()}`, {
      cause,
    });
  }
}

/** A failing nvidia-smi says why on stdout. */
function lastLine(cause: unknown): string {
  const { stdout = "" } = cause as { stdout?: string };
  return stdout.trim().split("\n").at(-1) ?? "";
}
