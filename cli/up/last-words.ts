import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { z } from "zod";
import { isErrno } from "../../model/store/disk.js";

const maxTailBytes = 16_384;

/** What pino writes, as far as it matters here. */
const loggedLine = z.object({
  level: z.number(),
  msg: z.string().default(""),
  err: z.object({ message: z.string() }).optional(),
});

/** The level of a warning. */
const warning = 40;

/**
 * What a process's log says at its end, for people: the last few lines, of those that our logger wrote only
 * warnings and errors. Reads the file's end only; nothing when there is none.
 */
export function lastWords(path: string, count: number): string[] {
  const lines = readTail(path).split("\n");
  return lines.flatMap(wordsOf).slice(-count);
}

function wordsOf(line: string): string[] {
  if (line.trim() === "") return [];
  const logged = parseLogged(line);
  if (logged === undefined) return [line];
  const { level, msg, err } = logged;
  return level < warning ? [] : [err === undefined ? msg : `${msg}: ${err.message}`];
}

/** Undefined for a line that our logger did not write. */
function parseLogged(line: string): z.infer<typeof loggedLine> | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    return loggedLine.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

function readTail(path: string): string {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    if (isErrno(error, "ENOENT")) return "";
    throw error;
  }
  try {
    const { size } = fstatSync(file);
    const tail = Buffer.alloc(Math.min(size, maxTailBytes));
    const read = readSync(file, tail, 0, tail.length, size - tail.length);
    return tail.toString("utf8", 0, read);
  } finally {
    closeSync(file);
  }
}
