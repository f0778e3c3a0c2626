import { StagecoachError } from "../common/errors.js";
import { onParentGone } from "../common/parent-watch.js";

/** A server in this process. */
export interface Running {
  /** Settles when it ended by itself or was closed. */
  readonly closed: Promise<void>;
  close(): Promise<void>;
}

/**
 * Lets a server run until it ends by itself, a signal asks it to, or the process that started this one is
 * gone. Closing may take `stopTimeoutMs`; a second signal, or the time's end, ends the process at once.
 * @throws StagecoachError DEADLINE_EXCEEDED when closing took too long, and what the server ended with
 */
export async function serveUntilEnded(running: Running, stopTimeoutMs: number): Promise<void> {
  const asked = askedToEnd();
  await Promise.race([running.closed, asked]);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(
        new StagecoachError("DEADLINE_EXCEEDED", `did not end within ${stopTimeoutMs} ms: ending by force`),
      );
    }, stopTimeoutMs);
  });
  try {
    await Promise.race([running.close().then(() => running.closed), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves when this process is to end. */
export function askedToEnd(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    const ask = () => {
      if (asked) process.exit(130);
      asked = true;
      resolve();
    };
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, ask);
    onParentGone(resolve);
  });
}
