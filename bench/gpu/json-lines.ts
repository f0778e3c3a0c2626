import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { StagecoachError } from "../../common/errors.js";

/** A program that prints a JSON object a line. */
export interface JsonLinesProgram {
  /** For messages. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Ends the program when it aborts. */
  readonly signal: AbortSignal;
}

const keptWords = 2_000;

/**
 * Runs a program and yields its lines as they come; what it says on stderr is told when it fails. It has ended when the
 * iteration has.
 * @throws StagecoachError UNAVAILABLE when it ends with another code than 0, DATA_LOSS for a line that is no JSON object,
 * and the signal's reason
 */
export async function* jsonLines({
  name,
  command,
  args,
  signal,
}: JsonLinesProgram): AsyncGenerator<Record<string, unknown>> {
  signal.throwIfAborted();
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  const ended = once(child, "close") as Promise<[number | null, NodeJS.Signals | null]>;
  // It is looked at only after the lines.
  ended.catch(() => undefined);
  const kill = (): void => void child.kill("SIGKILL");
  signal.addEventListener("abort", kill, { once: true });
  process.once("exit", kill);
  let words = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    words = (words + text).slice(-keptWords);
  });
  try {
    for await (const line of createInterface({ input: child.stdout })) yield parseLine(name, line);
    const [code, killedBy] = await ended;
    signal.throwIfAborted();
    if (code !== 0) {
      throw new StagecoachError(
        "UNAVAILABLE",
        `${name} ended ${killedBy === null ? `with code ${code}` : `by ${killedBy}`}: ${words.trim()}`,
      );
    }
  } finally {
    kill();
    signal.removeEventListener("abort", kill);
    process.removeListener("exit", kill);
    await ended.catch((reason: unknown) => {
      throw new StagecoachError("FAILED_PRECONDITION", `${name} cannot be started: ${String(reason)}`);
    });
  }
}

function parseLine(name: string, line: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch (cause) {
    throw new StagecoachError("DATA_LOSS", `${name} printed a line that is no JSON: ${line}`, { cause });
  }
  throw new StagecoachError("DATA_LOSS", `${name} printed a line that is no JSON object: ${line}`);
}
