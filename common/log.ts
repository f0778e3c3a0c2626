import { type Logger, pino } from "pino";

export type { Logger } from "pino";

/** How a process logs. */
export interface LogOptions {
  /** Defaults to info. */
  level?: "debug" | "info" | "warn" | "error" | "silent";
  /** Which process speaks, e.g. `coordinator` or `worker w0`. */
  name: string;
}

/** One JSON object a line on stderr, so that stdout stays the command's own. */
export function createLogger({ level = "info", name }: LogOptions): Logger {
  return pino({ name, level }, pino.destination({ dest: 2, sync: true }));
}
