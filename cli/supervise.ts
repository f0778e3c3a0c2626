import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Command } from "commander";
import { StagecoachError } from "../common/errors.js";
import { onParentGone, reportReady } from "../common/parent-watch.js";

const graceMs = 3_000;

/**
 * The hidden command that runs a foreign program as a child of `up`: a program that knows nothing of our
 * channel, such as nats-server, would outlive an `up` that was killed.
 */
export function register(program: Command): void {
  program
    .command("supervise", { hidden: true })
    .description("run a program that ends when this process's parent does")
    .argument("<program>")
    .argument("[args...]")
    .action(supervise);
}

async function supervise(program: string, args: string[]): Promise<void> {
  const child = spawn(program, args, { stdio: ["ignore", "inherit", "inherit"] });
  const exited = once(child, "exit");
  try {
    await once(child, "spawn");
  } catch (cause) {
    throw new StagecoachError(
      "NOT_FOUND",
      `cannot start ${program}: ${StagecoachError.from(cause).message}`,
      { cause },
    );
  }
  const end = () => {
    child.kill("SIGTERM");
    setTimeout(() => child.kill("SIGKILL"), graceMs).unref();
  };
  onParentGone(end);
  process.once("SIGTERM", end);
  process.once("SIGINT", end);
  reportReady({ pid: child.pid ?? 0 });
  const [code, signal] = await exited;
  process.exitCode = code ?? (signal === null ? 1 : 0);
  if (process.connected) process.disconnect();
}
